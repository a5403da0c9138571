import { create } from '@bufbuild/protobuf'
import { MutationResultSchema, WriteOption, type MutationResult, type WriteField } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { microsFromTimestamp, sameFieldValue } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { fieldTarget } from './field-target.ts'
import { assertReferences, ownFieldValue, setField } from './set-field.ts'

/**
 * Writes a field.
 *
 * @throws QError what `fieldTarget` throws, `type_mismatch`, `value_out_of_range`, `unknown_choice`
 */
export function writeField(context: CommitContext, mutation: WriteField, path: string): MutationResult {
  const { state, revision, timeUs, caller } = context
  const { entity, field, isPath } = fieldTarget(state, mutation, path)
  const value = ownFieldValue(field, mutation.value, `${path}.value`)
  const written = { value, writeTimeUs: timeUs, writer: caller.subject, revision }
  assertReferences(context, field, written, `${path}.value`)
  if (mutation.writeTime !== undefined) {
    written.writeTimeUs = exactMicros(microsFromTimestamp(mutation.writeTime, `${path}.write_time`), path)
  }
  const result = create(MutationResultSchema)
  result.entityId = entity.id
  if (isPath) result.field = field.name
  const current = entity.fields[field.position]
  if (mutation.option === WriteOption.IF_CHANGED && current !== undefined && sameFieldValue(current.value, value)) {
    return result
  }
  setField(context, entity, field, written)
  result.changed = true
  return result
}

/** Times of writes are numbers in memory; beyond the years 1685 to 2255 those are not exact to the microsecond. */
function exactMicros(micros: bigint, path: string): number {
  const number = Number(micros)
  if (Number.isSafeInteger(number)) return number
  throw new QError('value_out_of_range', 'the time of a write lies in the years 1685 to 2255', {
    field: `${path}.write_time`,
  })
}
