import {
  ApiConfigCreateEntityRequestSchema,
  ApiConfigCreateEntityResponseSchema,
  ApiConfigCreateSnapshotRequestSchema,
  ApiConfigCreateSnapshotResponseSchema,
  ApiConfigDeleteEntityRequestSchema,
  ApiConfigDeleteEntityResponseSchema,
  ApiConfigGetEntitySchemaRequestSchema,
  ApiConfigGetEntitySchemaResponseSchema,
  ApiConfigGetFieldSchemaRequestSchema,
  ApiConfigGetFieldSchemaResponseSchema,
  ApiConfigGetRootRequestSchema,
  ApiConfigGetRootResponseSchema,
  ApiConfigRestoreSnapshotRequestSchema,
  ApiConfigRestoreSnapshotResponseSchema,
  ApiConfigSetEntitySchemaRequestSchema,
  ApiConfigSetEntitySchemaResponseSchema,
} from '@qcore/contracts/legacy/qprotobufs'
import { route } from '../message/route.ts'
import { createSnapshot } from '../snapshot/create-snapshot.ts'
import { restoreSnapshot } from '../snapshot/restore-snapshot.ts'
import { createEntity, deleteEntity, rootIdOf } from '../store/entities.ts'
import { findFieldSchema, readSchema } from '../store/read-schema.ts'
import { setSchema } from '../store/set-schema.ts'
import { apiSnapshot, snapshotOfApi } from './api-snapshot.ts'
import { withoutTreeFields, withTreeFields } from './tree-fields.ts'

/** The requests that concern the tree and the types. */
export const apiConfigRoutes = [
  route(ApiConfigCreateEntityRequestSchema, ApiConfigCreateEntityResponseSchema, {
    turn: 'change',
    run: async ({ store }, request) => ({ id: await createEntity(store, request) }),
  }),
  route(ApiConfigDeleteEntityRequestSchema, ApiConfigDeleteEntityResponseSchema, {
    turn: 'change',
    run: async ({ store }, { id }) => {
      await deleteEntity(store, id)
      return {}
    },
  }),
  route(ApiConfigGetFieldSchemaRequestSchema, ApiConfigGetFieldSchemaResponseSchema, {
    turn: 'read',
    run: async ({ store }, { field }) => ({ schema: await findFieldSchema(store, field) }),
  }),
  route(ApiConfigGetEntitySchemaRequestSchema, ApiConfigGetEntitySchemaResponseSchema, {
    turn: 'read',
    run: async ({ store }, { type }) => ({
      schema: { name: type, fields: withTreeFields(await readSchema(store, type)) },
    }),
  }),
  route(ApiConfigSetEntitySchemaRequestSchema, ApiConfigSetEntitySchemaResponseSchema, {
    turn: 'change',
    run: async ({ store }, { schema }) => {
      await setSchema(store, schema?.name ?? '', withoutTreeFields(schema?.fields ?? []))
      return {}
    },
  }),
  route(ApiConfigCreateSnapshotRequestSchema, ApiConfigCreateSnapshotResponseSchema, {
    turn: 'read',
    run: async ({ store }) => ({ snapshot: apiSnapshot(await createSnapshot(store)) }),
  }),
  route(ApiConfigRestoreSnapshotRequestSchema, ApiConfigRestoreSnapshotResponseSchema, {
    turn: 'change',
    run: async ({ store }, { snapshot }) => {
      await restoreSnapshot(store, snapshotOfApi(snapshot))
      return {}
    },
  }),
  route(ApiConfigGetRootRequestSchema, ApiConfigGetRootResponseSchema, {
    turn: 'read',
    run: async ({ store }) => ({ rootId: await rootIdOf(store) }),
  }),
]
