import { Comparison } from '@qcore/contracts'

/** A key of an index: of int_key, float_key or text_key. Keys that are compared are of one kind. */
export type Key = bigint | number | Uint8Array

export interface Bound {
  readonly key: Key
  readonly isInclusive: boolean
}

/** Keys between two bounds; an absent one is open. */
export interface Interval {
  readonly low?: Bound
  readonly high?: Bound
}

/** All keys. */
export const everything: readonly Interval[] = [{}]

/** Compares keys as PostgreSQL does: bytes by value, NaN above all numbers and equal to itself, 0 equal to -0. */
export function compareKeys(a: Key, b: Key): number {
  if (typeof a === 'object' && typeof b === 'object') return Buffer.compare(a, b)
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a < b ? -1 : a > b ? 1 : 0
}

/** The keys that a comparison lets through, as ascending intervals. */
export function intervalsOf(comparison: Comparison, key: Key): readonly Interval[] | undefined {
  const exclusive: Bound = { key, isInclusive: false }
  const inclusive: Bound = { key, isInclusive: true }
  switch (comparison) {
    case Comparison.EQUAL:
      return [{ low: inclusive, high: inclusive }]
    case Comparison.NOT_EQUAL:
      return [{ high: exclusive }, { low: exclusive }]
    case Comparison.LESS:
      return [{ high: exclusive }]
    case Comparison.LESS_OR_EQUAL:
      return [{ high: inclusive }]
    case Comparison.GREATER:
      return [{ low: exclusive }]
    case Comparison.GREATER_OR_EQUAL:
      return [{ low: inclusive }]
    default:
      return undefined
  }
}

/** The keys that are in both of two lists of ascending intervals; ascending again. */
export function intersect(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  return a.flatMap((x) =>
    b.flatMap((y) => {
      const low = innermost(x.low, y.low, 1)
      const high = innermost(x.high, y.high, -1)
      const both = { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) }
      return isEmpty(both) ? [] : [both]
    }),
  )
}

/** Of two bounds on one side, the one that lets less through. */
function innermost(a: Bound | undefined, b: Bound | undefined, direction: 1 | -1): Bound | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const order = compareKeys(a.key, b.key) * direction
  if (order === 0) return a.isInclusive ? b : a
  return order > 0 ? a : b
}

function isEmpty({ low, high }: Interval): boolean {
  if (low === undefined || high === undefined) return false
  const order = compareKeys(low.key, high.key)
  return order > 0 || (order === 0 && !(low.isInclusive && high.isInclusive))
}

/** The one key of an interval, if there is just one. */
export function onlyKey(intervals: readonly Interval[]): Key | undefined {
  const [first] = intervals
  if (intervals.length !== 1 || first?.low === undefined || first.high === undefined) return undefined
  return compareKeys(first.low.key, first.high.key) === 0 ? first.low.key : undefined
}
