import { ValueType } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { FieldModel, FieldValue } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'

/**
 * Checks that what a Transformation is to hold can be compiled. Values of other types pass.
 *
 * @throws QError `invalid_expression`
 */
export function checkExpression(
  { state }: CommitContext,
  field: Pick<FieldModel, 'valueType'>,
  value: FieldValue,
  path: string,
): void {
  if (field.valueType !== ValueType.TRANSFORMATION || value === '') return
  try {
    state.transformations.compile(value as string)
  } catch (error) {
    if (!isQError(error)) throw error
    throw new QError(error.code, error.message, { field: path, metadata: error.metadata, cause: error })
  }
}
