import type { Change, CommitRecord, FieldState, HistoryChange as HistoryChangeMessage } from '@qcore/contracts'
import { schemaFromMessage, type TypeSchema } from '../schema/schema.ts'
import { entityFromMessage, type Entity, type Field } from '../values/field.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import { typedValueFromMessage, type TypedFieldValue } from '../values/value-message.ts'

/** What a field held before. Without value if that is too large for the answer, or if the log does not hold it any more. */
export type FormerField = (TypedFieldValue | { readonly type: undefined; readonly value: undefined }) &
  Omit<Field, 'type' | 'value'>

/** What a commit did. Kinds that only a newer store knows are `other`. */
export type CommitChange =
  /** `previous` is undefined if the same commit added the field to its type. */
  | { readonly kind: 'write'; readonly current: Field; readonly previous: FormerField | undefined }
  | { readonly kind: 'create' | 'delete'; readonly entity: Entity; readonly fields: readonly FormerField[] }
  /** It was renamed, or moved. */
  | { readonly kind: 'move'; readonly entity: Entity; readonly previous: Entity }
  /** A type was created or changed. Existing entities hold the defaults of added fields from then on. */
  | { readonly kind: 'schema'; readonly schema: TypeSchema; readonly previous: TypeSchema | undefined }
  | { readonly kind: 'schema_deleted'; readonly previous: TypeSchema }
  | {
      readonly kind: 'schedule'
      readonly scheduleId: string
      readonly namespace: string
      readonly name: string
      readonly done: 'put' | 'deleted' | 'paused' | 'resumed'
    }
  | {
      readonly kind: 'emit'
      readonly eventId: string
      readonly namespace: string
      readonly type: string
      /** It is held until then; another commit emits it. */
      readonly heldUntil: Timestamp | undefined
    }
  /** A key of the configuration was given a value, which the history of the configuration has. */
  | { readonly kind: 'put_config'; readonly key: string; readonly configRevision: number }
  | { readonly kind: 'delete_config'; readonly key: string; readonly configRevision: number }
  | { readonly kind: 'other' }

interface Origin {
  readonly revision: number
  /** When it was committed, on PostgreSQL's clock. */
  readonly time: Timestamp
  /** Who: the subject of the token. */
  readonly writer: string
}

/** A change of an entity, and who made it when. */
export type HistoryChange = CommitChange & Origin

/** A commit of the store. */
export interface Commit extends Origin {
  /** Of the writer that committed it. */
  readonly epoch: number
  /** Empty if the request had none. */
  readonly idempotencyKey: string
  readonly changes: readonly CommitChange[]
}

export function historyChangeFromMessage({
  revision,
  commitTime,
  writer,
  change,
}: HistoryChangeMessage): HistoryChange {
  const origin = { revision: Number(revision), time: timestampFromMessage(commitTime), writer }
  return { ...changeFromMessage(change, origin), ...origin }
}

export function commitFromMessage(record: CommitRecord): Commit {
  const { revision, commitTime, writer, epoch, idempotencyKey, changes } = record
  const origin = { revision: Number(revision), time: timestampFromMessage(commitTime), writer }
  return {
    ...origin,
    epoch: Number(epoch),
    idempotencyKey,
    changes: changes.map((change) => changeFromMessage(change, origin)),
  }
}

/** What was done to a schedule, by the numbers of ScheduleChange. */
const scheduleDeeds: readonly ('put' | 'deleted' | 'paused' | 'resumed')[] = ['put', 'deleted', 'paused', 'resumed']

function changeFromMessage(change: Change | undefined, origin: Origin): CommitChange {
  const kind = change?.kind
  switch (kind?.case) {
    case 'fieldChanged': {
      const { entityId, name, value, writeTime, previous } = kind.value
      const asWritten = { entityId, name, writer: origin.writer, revision: origin.revision }
      const time = writeTime === undefined ? origin.time : timestampFromMessage(writeTime)
      const current = { ...asWritten, ...typedValueFromMessage(value), writeTime: time } as Field
      return { kind: 'write', current, previous: previous && formerField(previous, entityId, origin) }
    }
    case 'entityCreated':
    case 'entityDeleted': {
      const { entity, fields } = kind.value
      if (entity === undefined) return { kind: 'other' }
      return {
        kind: kind.case === 'entityCreated' ? 'create' : 'delete',
        entity: entityFromMessage(entity),
        fields: fields.map((field) => formerField(field, entity.id, origin)),
      }
    }
    case 'entityChanged': {
      const { entity, previous } = kind.value
      if (entity === undefined || previous === undefined) return { kind: 'other' }
      return { kind: 'move', entity: entityFromMessage(entity), previous: entityFromMessage(previous) }
    }
    case 'schemaChanged': {
      const { schema, previous } = kind.value
      const before = previous === undefined ? undefined : schemaFromMessage(previous)
      if (schema === undefined) {
        return before === undefined ? { kind: 'other' } : { kind: 'schema_deleted', previous: before }
      }
      return { kind: 'schema', schema: schemaFromMessage(schema), previous: before }
    }
    case 'scheduleChanged': {
      const { scheduleId, namespace, name, change: done } = kind.value
      return { kind: 'schedule', scheduleId, namespace, name, done: scheduleDeeds[done] ?? 'put' }
    }
    case 'eventEmitted': {
      const { eventId, namespace, type, deliverTime } = kind.value
      return { kind: 'emit', eventId, namespace, type, heldUntil: deliverTime && timestampFromMessage(deliverTime) }
    }
    case 'configChanged': {
      const { key, deleted } = kind.value
      return { kind: deleted ? 'delete_config' : 'put_config', key, configRevision: Number(kind.value.configRevision) }
    }
    default:
      return { kind: 'other' }
  }
}

/** The fields of a new entity leave out what they share with its commit. */
function formerField(
  { name, value, writeTime, writer, revision }: FieldState,
  entityId: string,
  origin: Origin,
): FormerField {
  const typed = value === undefined ? { type: undefined, value: undefined } : typedValueFromMessage(value)
  const isNew = revision === 0n
  return {
    entityId,
    name,
    ...typed,
    writeTime: writeTime === undefined ? origin.time : timestampFromMessage(writeTime),
    writer: isNew ? origin.writer : writer,
    revision: isNew ? origin.revision : Number(revision),
  }
}
