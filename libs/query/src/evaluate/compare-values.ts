import { ValueType } from '@qcore/contracts'
import { compareText, type FieldValue } from '@qcore/model'

/**
 * Compares two values of an ordered type: text by its UTF-8 bytes, false before true, NaN behind all numbers and equal to
 * itself.
 */
export function compareValues(type: ValueType, a: FieldValue, b: FieldValue): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  if (type === ValueType.FLOAT) return compareFloats(a as number, b as number)
  return a < b ? -1 : a > b ? 1 : 0
}

/** Compares numbers as PostgreSQL does. */
export function compareFloats(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a < b ? -1 : a > b ? 1 : 0
}
