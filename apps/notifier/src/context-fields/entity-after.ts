import {
  fieldValueFromMessage,
  microsFromTimestamp,
  type EntityState,
  type FieldState,
  type TypeModel,
} from '@qcore/model'
import { decodeEntityCreated, decodeFieldChange, type ChangeOutline, type LogRecord } from '@qcore/replica'

/** An entity after a change that concerns it. Undefined: the change alone does not tell. Null: there is none. */
export function entityAfter(
  entity: EntityState | null,
  change: ChangeOutline,
  { record, typeOf }: { record: LogRecord; typeOf: (name: string) => TypeModel | undefined },
): EntityState | null | undefined {
  if (change.kind === 'entity_deleted') return null
  if (change.kind === 'entity_created') return createdEntity(change, record, typeOf(change.type))
  if (change.kind === 'entity_changed' && entity !== null) {
    const { name, parentId, place } = change
    return { ...entity, name, parentId, place, structureRevision: record.revision }
  }
  if (change.kind !== 'field_changed' || entity === null) return undefined
  const field = typeOf(change.type)?.fieldsByName.get(change.name)
  if (field === undefined || field.position >= entity.fields.length) return undefined
  const { value, writeTime } = decodeFieldChange(change)
  const state: FieldState = {
    value: fieldValueFromMessage(field.valueType, value, field.name),
    writeTimeUs: writeTime === undefined ? record.commitTimeUs : Number(microsFromTimestamp(writeTime, 'write_time')),
    writer: record.writer,
    revision: record.revision,
  }
  return { ...entity, fields: entity.fields.with(field.position, state) }
}

function createdEntity(
  change: Extract<ChangeOutline, { kind: 'entity_created' | 'entity_deleted' }>,
  { revision, commitTimeUs, writer }: LogRecord,
  type: TypeModel | undefined,
): EntityState | undefined {
  const { entity, fields } = decodeEntityCreated(change)
  if (entity === undefined || type === undefined) return undefined
  const given = new Map(fields.map((field) => [field.name, field]))
  const states: FieldState[] = []
  for (const { name, valueType } of type.fields) {
    const field = given.get(name)
    // The types are those of after the commit: a field that it added as well is not among the fields.
    if (field?.value === undefined) return undefined
    const writeTimeUs =
      field.writeTime === undefined ? commitTimeUs : Number(microsFromTimestamp(field.writeTime, 'write_time'))
    states.push({ value: fieldValueFromMessage(valueType, field.value, name), writeTimeUs, writer, revision })
  }
  const { id, name, parentId, place } = entity
  const facts = { id, type: type.name, name, parentId, place, createdRevision: revision, structureRevision: revision }
  return { ...facts, fields: states }
}
