import { QError } from '@qcore/errors'
import { indexKind, valueTypeName } from '@qcore/model'
import type { CheckedEnd, CheckedPath } from './checked-query.ts'

/**
 * Checks that what a path ends in can be compared and ordered by.
 *
 * @throws QError `type_mismatch` if values of the type have no order, `unindexed_field` if the field keeps no index
 */
export function assertIndexed(path: CheckedPath, { valueType, fields, own }: CheckedEnd, field: string): void {
  if (own === 'Children' || indexKind(valueType) === undefined) {
    throw new QError(
      'type_mismatch',
      `${path.text} is of type ${valueTypeName(valueType)}: such values have no order`,
      { field },
    )
  }
  const unindexed = fields.find(({ indexed }) => !indexed)
  if (unindexed === undefined) return
  throw new QError('unindexed_field', `the field ${unindexed.name} that ${path.text} leads to keeps no index`, {
    field,
  })
}
