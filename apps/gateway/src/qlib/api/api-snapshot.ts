import type { MessageInitShape } from '@bufbuild/protobuf'
import type { DatabaseFieldSchema$, DatabaseSnapshot, DatabaseSnapshotSchema } from '@qcore/contracts/legacy/qprotobufs'
import type { MadeSnapshot } from '../snapshot/create-snapshot.ts'
import type { QlibSnapshot, SnapshotField } from '../snapshot/qlib-snapshot.ts'
import type { TreeEntity } from '../store/entities.ts'
import { readValue, writeValue } from '../value/wire-value.ts'
import { isTreeField, withoutTreeFields, withTreeFields } from './tree-fields.ts'

type FieldInit = MessageInitShape<typeof DatabaseFieldSchema$>

/** A snapshot of the later dialect: what is the entity's own here is among its fields there. */
export function apiSnapshot({
  schemas,
  entities,
  fields,
}: MadeSnapshot): MessageInitShape<typeof DatabaseSnapshotSchema> {
  return {
    entitySchemas: schemas.map(({ name, fields: own }) => ({ name, fields: withTreeFields(own) })),
    entities: entities.map(({ id, type }) => ({ id, type })),
    fields: [...entities.flatMap(treeFieldsOf), ...fields.map(fieldInit)],
  }
}

function treeFieldsOf({ id, name, parentId, childIds }: TreeEntity): FieldInit[] {
  return [
    { id, name: 'Name', value: writeValue({ type: 'String', raw: name }, 'qprotobufs') },
    { id, name: 'Parent', value: writeValue({ type: 'EntityReference', raw: parentId }, 'qprotobufs') },
    { id, name: 'Children', value: writeValue({ type: 'EntityList', raw: childIds }, 'qprotobufs') },
  ]
}

function fieldInit({ id, name, value, writeTime, writerId }: SnapshotField): FieldInit {
  return { id, name, writerId, ...(value && { value }), ...(writeTime && { writeTime }) }
}

/** The snapshot that a message of the later dialect holds. */
export function snapshotOfApi(snapshot: DatabaseSnapshot | undefined): QlibSnapshot {
  const { entities = [], fields = [], entitySchemas = [] } = snapshot ?? {}
  const all = [...fields, ...entities.flatMap(({ id, fields: own }) => own.map((field) => ({ ...field, id })))]
  const textOf = new Map(
    all.filter(({ name }) => isTreeField(name)).map((field) => [`${field.id} ${field.name}`, field]),
  )
  const text = (id: string, name: string): string => {
    const value = textOf.get(`${id} ${name}`)?.value
    const raw = value === undefined ? '' : readValue(value).raw
    return typeof raw === 'string' ? raw : ''
  }
  return {
    schemas: entitySchemas.map(({ name, fields: own }) => ({ name, fields: withoutTreeFields(own) })),
    entities: entities.map(({ id, type }) => ({ id, type, name: text(id, 'Name'), parentId: text(id, 'Parent') })),
    fields: all,
  }
}
