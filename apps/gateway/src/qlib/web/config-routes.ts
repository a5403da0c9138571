import {
  WebConfigCreateEntityRequestSchema,
  WebConfigCreateEntityResponseSchema,
  WebConfigCreateSnapshotRequestSchema,
  WebConfigCreateSnapshotResponseSchema,
  WebConfigDeleteEntityRequestSchema,
  WebConfigDeleteEntityResponseSchema,
  WebConfigGetEntityRequestSchema,
  WebConfigGetEntityResponseSchema,
  WebConfigGetEntitySchemaRequestSchema,
  WebConfigGetEntitySchemaResponseSchema,
  WebConfigGetEntityTypesRequestSchema,
  WebConfigGetEntityTypesResponseSchema,
  WebConfigGetFieldSchemaRequestSchema,
  WebConfigGetFieldSchemaResponseSchema,
  WebConfigGetRootRequestSchema,
  WebConfigGetRootResponseSchema,
  WebConfigRestoreSnapshotRequestSchema,
  WebConfigRestoreSnapshotResponseSchema,
  WebConfigSetEntitySchemaRequestSchema,
  WebConfigSetEntitySchemaResponseSchema,
} from '@qcore/contracts/legacy/protobufs'
import { route } from '../message/route.ts'
import { createEntity, deleteEntity, readEntity, rootIdOf } from '../store/entities.ts'
import { findFieldSchema, readSchema } from '../store/read-schema.ts'
import { setSchema } from '../store/set-schema.ts'
import { createSnapshot } from '../snapshot/create-snapshot.ts'
import { restoreSnapshot } from '../snapshot/restore-snapshot.ts'
import { webEntity, webField } from './web-entity.ts'

/** The requests that concern the tree and the types. */
export const configRoutes = [
  route(WebConfigCreateEntityRequestSchema, WebConfigCreateEntityResponseSchema, {
    turn: 'change',
    run: async ({ store }, request) => ({ id: await createEntity(store, request) }),
  }),
  route(WebConfigDeleteEntityRequestSchema, WebConfigDeleteEntityResponseSchema, {
    turn: 'change',
    run: async ({ store }, { id }) => {
      await deleteEntity(store, id)
      return {}
    },
  }),
  route(WebConfigGetEntityTypesRequestSchema, WebConfigGetEntityTypesResponseSchema, {
    turn: 'read',
    run: async ({ store }) => ({ types: await store.client.types() }),
  }),
  route(WebConfigGetEntityRequestSchema, WebConfigGetEntityResponseSchema, {
    turn: 'read',
    run: async ({ store }, { id }) => ({ entity: webEntity(await readEntity(store, id)) }),
  }),
  route(WebConfigGetFieldSchemaRequestSchema, WebConfigGetFieldSchemaResponseSchema, {
    turn: 'read',
    run: async ({ store }, { field }) => {
      const { name, type } = await findFieldSchema(store, field)
      return { schema: { name, type } }
    },
  }),
  route(WebConfigGetEntitySchemaRequestSchema, WebConfigGetEntitySchemaResponseSchema, {
    turn: 'read',
    run: async ({ store }, { type }) => {
      const fields = await readSchema(store, type)
      return { schema: { name: type, fields: fields.map((field) => ({ name: field.name, type: field.type })) } }
    },
  }),
  route(WebConfigSetEntitySchemaRequestSchema, WebConfigSetEntitySchemaResponseSchema, {
    turn: 'change',
    run: async ({ store }, { schema }) => {
      await setSchema(store, schema?.name ?? '', schema?.fields ?? [])
      return {}
    },
  }),
  route(WebConfigCreateSnapshotRequestSchema, WebConfigCreateSnapshotResponseSchema, {
    turn: 'read',
    run: async ({ store }) => {
      const { schemas, entities, fields } = await createSnapshot(store)
      const entitySchemas = schemas.map(({ name, fields: own }) => ({
        name,
        fields: own.map((field) => ({ name: field.name, type: field.type })),
      }))
      return { snapshot: { entities: entities.map(webEntity), fields: fields.map(webField), entitySchemas } }
    },
  }),
  route(WebConfigRestoreSnapshotRequestSchema, WebConfigRestoreSnapshotResponseSchema, {
    turn: 'change',
    run: async ({ store }, { snapshot }) => {
      const { entities = [], fields = [], entitySchemas: schemas = [] } = snapshot ?? {}
      const placed = entities.map(({ id, type, name, parent }) => ({ id, type, name, parentId: parent?.raw ?? '' }))
      await restoreSnapshot(store, { schemas, entities: placed, fields })
      return {}
    },
  }),
  route(WebConfigGetRootRequestSchema, WebConfigGetRootResponseSchema, {
    turn: 'read',
    run: async ({ store }) => ({ rootId: await rootIdOf(store) }),
  }),
]
