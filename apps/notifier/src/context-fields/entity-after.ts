import {
  fieldValueFromMessage,
  microsFromTimestamp,
  type EntityState,
  type FieldState,
  type TypeModel,
} from '@qcore/model'
import { decodeFieldChange, type ChangeOutline, type LogRecord } from '@qcore/replica'

/** An entity after a change that concerns it. Undefined: the change alone does not tell. Null: there is none. */
export function entityAfter(
  entity: EntityState | null,
  change: ChangeOutline,
  { record, typeOf }: { record: LogRecord; typeOf: (name: string) => TypeModel | undefined },
): EntityState | null | undefined {
  if (change.kind === 'entity_deleted') return null
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
