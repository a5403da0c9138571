import { toBinary } from '@bufbuild/protobuf'
import { ScheduleChange, TypeSchemaSchema } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { limits, type FieldModel, type FieldState, type FieldValue } from '@qcore/model'
import type { ProtoWriter } from '@qcore/transport'
import type { HotEntity } from '../commit/hot-entity.ts'
import { sizeOfValue } from '../commit/hot-entity.ts'
import type { CommitChange, ScheduleDone } from './change-list.ts'
import { encodeTimestamp, encodeValue } from './encode-value.ts'

/** Previous values beyond this are left out of a record that would be too large; the log has them at their revision. */
const keptPreviousBytes = 1_024

/** What was done to schedules, by their numbers in the log. */
const scheduleChanges = {
  put: ScheduleChange.UNSPECIFIED,
  deleted: ScheduleChange.DELETED,
  paused: ScheduleChange.PAUSED,
  resumed: ScheduleChange.RESUMED,
} satisfies Record<ScheduleDone, ScheduleChange>

/** A commit, ready for the log. */
export interface CommitToEncode {
  readonly revision: number
  readonly epoch: number
  readonly timeUs: number
  readonly writer: string
  readonly idempotencyKey: string
  readonly changes: Iterable<CommitChange>
  readonly entity: (id: string) => HotEntity | undefined
  readonly fieldsOf: (type: string) => readonly FieldModel[]
}

/**
 * Writes a `qcore.store.v1.CommitRecord`, as the member `commits` of a LogBatch. Returns where the record itself begins.
 *
 * @throws QError `commit_too_large`
 */
export function encodeRecord(out: ProtoWriter, commit: CommitToEncode): number {
  const start = out.length
  let recordStart = encode(out, commit, Number.POSITIVE_INFINITY)
  if (out.length - recordStart <= limits.commitBytes) return recordStart
  out.rewind(start)
  recordStart = encode(out, commit, keptPreviousBytes)
  if (out.length - recordStart <= limits.commitBytes) return recordStart
  out.rewind(start)
  throw new QError('commit_too_large', `the commit takes more than ${limits.commitBytes} bytes in the log; split it`)
}

function encode(out: ProtoWriter, commit: CommitToEncode, mostPreviousBytes: number): number {
  const start = out.begin(4)
  out.uint(1, commit.revision)
  out.uint(2, commit.epoch)
  encodeTimestamp(out, 3, commit.timeUs)
  if (commit.writer !== '') out.text(4, commit.writer)
  if (commit.idempotencyKey !== '') out.text(5, commit.idempotencyKey)
  for (const change of commit.changes) {
    const changeStart = out.begin(6)
    encodeChange(out, commit, { change, mostPreviousBytes })
    out.finish(changeStart)
  }
  const contentBytes = out.length - start - 1
  out.finish(start)
  return out.length - contentBytes
}

function encodeChange(
  out: ProtoWriter,
  commit: CommitToEncode,
  { change, mostPreviousBytes }: { change: CommitChange; mostPreviousBytes: number },
): void {
  switch (change.kind) {
    case 'field': {
      const start = out.begin(1)
      out.text(1, change.entity.id)
      out.text(2, change.entity.type)
      out.text(3, change.field.name)
      encodeFieldValue(out, 4, { field: change.field, value: change.state.value })
      if (change.state.writeTimeUs !== commit.timeUs) encodeTimestamp(out, 5, change.state.writeTimeUs)
      if (change.previous !== undefined) {
        encodeWholeState(out, 6, { field: change.field, state: change.previous, mostPreviousBytes })
      }
      return out.finish(start)
    }
    case 'created': {
      const entity = commit.entity(change.entityId)
      if (entity === undefined) throw new Error('a created entity is missing')
      const start = out.begin(2)
      encodeEntity(out, 1, entity)
      for (const field of commit.fieldsOf(entity.type)) encodeNewState(out, commit, { field, entity })
      return out.finish(start)
    }
    case 'deleted': {
      const start = out.begin(3)
      encodeEntity(out, 1, change.entity)
      for (const field of commit.fieldsOf(change.entity.type)) {
        const state = change.entity.fields[field.position]
        if (state !== undefined) encodeWholeState(out, 2, { field, state, mostPreviousBytes })
      }
      return out.finish(start)
    }
    case 'structure': {
      const entity = commit.entity(change.entityId)
      if (entity === undefined) throw new Error('a moved entity is missing')
      const start = out.begin(5)
      encodeEntity(out, 1, entity)
      encodeEntity(out, 2, change.previous)
      return out.finish(start)
    }
    case 'event': {
      const start = out.begin(6)
      out.text(1, change.id)
      out.text(2, change.namespace)
      out.text(3, change.type)
      if (change.dueUs !== undefined) encodeTimestamp(out, 4, change.dueUs)
      return out.finish(start)
    }
    case 'schedule': {
      const start = out.begin(10)
      out.text(1, change.id)
      out.text(2, change.namespace)
      if (change.name !== '') out.text(3, change.name)
      if (change.done !== 'put') out.uint(4, scheduleChanges[change.done])
      return out.finish(start)
    }
    case 'config': {
      const start = out.begin(25)
      out.text(1, change.key)
      out.uint(2, change.configRevision)
      if (change.isDeleted) out.bool(3, true)
      return out.finish(start)
    }
    case 'schema': {
      const start = out.begin(4)
      if (change.model !== undefined) out.binary(1, toBinary(TypeSchemaSchema, change.model.schema))
      if (change.previous !== undefined) out.binary(2, toBinary(TypeSchemaSchema, change.previous.schema))
      for (const { fromId, toId } of change.conversions) {
        const conversionStart = out.begin(3)
        out.uint(1, fromId)
        out.uint(2, toId)
        out.finish(conversionStart)
      }
      return out.finish(start)
    }
  }
}

function encodeEntity(out: ProtoWriter, number: number, entity: HotEntity): void {
  const start = out.begin(number)
  out.text(1, entity.id)
  out.text(2, entity.type)
  out.text(3, entity.name)
  if (entity.parentId !== '') out.text(4, entity.parentId)
  out.uint(5, entity.createdRevision)
  out.uint(6, entity.structureRevision)
  if (entity.place !== '') out.text(7, entity.place)
  out.finish(start)
}

/** A field of a new entity: its time only if the writer gave one. */
function encodeNewState(
  out: ProtoWriter,
  commit: CommitToEncode,
  { field, entity }: { field: FieldModel; entity: HotEntity },
): void {
  const state = entity.fields[field.position]
  if (state === undefined) throw new Error('a new entity has all fields')
  const start = out.begin(2)
  out.text(1, field.name)
  encodeFieldValue(out, 2, { field, value: state.value })
  if (state.writeTimeUs !== commit.timeUs) encodeTimestamp(out, 3, state.writeTimeUs)
  out.finish(start)
}

function encodeWholeState(
  out: ProtoWriter,
  number: number,
  { field, state, mostPreviousBytes }: { field: FieldModel; state: FieldState; mostPreviousBytes: number },
): void {
  const start = out.begin(number)
  out.text(1, field.name)
  if (mostPreviousBytes === Number.POSITIVE_INFINITY || sizeOfValue(state.value) <= mostPreviousBytes) {
    encodeFieldValue(out, 2, { field, value: state.value })
  }
  encodeTimestamp(out, 3, state.writeTimeUs)
  if (state.writer !== '') out.text(4, state.writer)
  out.uint(5, state.revision)
  out.finish(start)
}

function encodeFieldValue(
  out: ProtoWriter,
  number: number,
  { field, value }: { field: FieldModel; value: FieldValue },
): void {
  const start = out.begin(number)
  encodeValue(out, field.valueType, value)
  out.finish(start)
}
