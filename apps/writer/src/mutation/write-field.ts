import { create } from '@bufbuild/protobuf'
import {
  MutationResultSchema,
  ValueType,
  WriteOption,
  type MutationResult,
  type Value,
  type WriteField,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { celFromMessage } from '@qcore/expression'
import { microsFromTimestamp } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { checkExpression } from '../transformation/check-expression.ts'
import { feedTransformation } from '../transformation/feed-transformation.ts'
import { fieldTarget, type FieldTarget } from './field-target.ts'
import { assertMayWrite, maySee } from './permitted.ts'
import { ownFieldValue } from './set-field.ts'
import { storeField, type WriteTerms } from './store-field.ts'

/**
 * Writes a field. A Transformation keeps its expression when it is given a value of another type: that is fed to it.
 *
 * @throws QError what `fieldTarget` and `feedTransformation` throw, `permission_denied`, `type_mismatch`, `value_out_of_range`,
 *   `unknown_choice`, `invalid_expression`
 */
export function writeField(context: CommitContext, mutation: WriteField, path: string): MutationResult {
  const target = fieldTarget(context, mutation, path, 'write')
  const model = context.state.typeOf(target.entity)
  assertMayWrite(context, model, `${path}.field`, target.field)
  if (mutation.option === WriteOption.IF_CHANGED && !maySee(context, model, target.field)) {
    throw new QError('permission_denied', 'the answer would tell what the field holds', { field: `${path}.option` })
  }
  const result = create(MutationResultSchema)
  result.entityId = target.entity.id
  if (target.isPath) result.field = target.field.name
  result.changed = writeTarget(context, target, mutation.value, termsOf(context, mutation, path))
  return result
}

function writeTarget(
  context: CommitContext,
  target: FieldTarget,
  message: Value | undefined,
  terms: WriteTerms,
): boolean {
  const { field } = target
  const path = `${terms.path}.value`
  if (
    field.valueType === ValueType.TRANSFORMATION &&
    message?.kind.case !== 'transformation' &&
    message !== undefined
  ) {
    if (message.kind.case === 'timestamp') microsFromTimestamp(message.kind.value, path)
    return feedTransformation(context, { ...target, depth: 1 }, celFromMessage(message), terms)
  }
  const value = ownFieldValue(field, message, path)
  checkExpression(context, field, value, path)
  return storeField(context, target, value, terms)
}

function termsOf({ timeUs }: CommitContext, { writeTime, option }: WriteField, path: string): WriteTerms {
  const writeTimeUs =
    writeTime === undefined ? timeUs : exactMicros(microsFromTimestamp(writeTime, `${path}.write_time`), path)
  return { writeTimeUs, onlyChanges: option === WriteOption.IF_CHANGED, path }
}

/** Times of writes are numbers in memory; beyond the years 1685 to 2255 those are not exact to the microsecond. */
function exactMicros(micros: bigint, path: string): number {
  const number = Number(micros)
  if (Number.isSafeInteger(number)) return number
  throw new QError('value_out_of_range', 'the time of a write lies in the years 1685 to 2255', {
    field: `${path}.write_time`,
  })
}
