import type { ComparisonSign } from '@qcore/query'

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
export function intervalsOf(sign: ComparisonSign, key: Key): readonly Interval[] {
  const exclusive: Bound = { key, isInclusive: false }
  const inclusive: Bound = { key, isInclusive: true }
  switch (sign) {
    case '=':
      return [{ low: inclusive, high: inclusive }]
    case '!=':
      return [{ high: exclusive }, { low: exclusive }]
    case '<':
      return [{ high: exclusive }]
    case '<=':
      return [{ high: inclusive }]
    case '>':
      return [{ low: exclusive }]
    case '>=':
      return [{ low: inclusive }]
  }
}

/** The keys that are none of some ascending intervals; ascending again. */
export function complement(intervals: readonly Interval[]): readonly Interval[] {
  const gaps: Interval[] = []
  let low: Bound | undefined
  for (const { low: nextLow, high } of intervals) {
    if (nextLow !== undefined) gaps.push(between(low, opposite(nextLow)))
    if (high === undefined) return gaps.filter((gap) => !isEmpty(gap))
    low = opposite(high)
  }
  return [...gaps, between(low, undefined)].filter((gap) => !isEmpty(gap))
}

function opposite({ key, isInclusive }: Bound): Bound {
  return { key, isInclusive: !isInclusive }
}

function between(low: Bound | undefined, high: Bound | undefined): Interval {
  return { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) }
}

/** The keys that are in one of two lists of ascending intervals; ascending again, without overlaps. */
export function unite(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  return complement(intersect(complement(a), complement(b)))
}

/** The keys of some values, each one alone. */
export function pointsOf(keys: readonly Key[]): readonly Interval[] {
  const sorted = [...keys].sort(compareKeys)
  return sorted
    .filter((key, index) => index === 0 || compareKeys(key, sorted[index - 1] ?? key) !== 0)
    .map((key) => ({ low: { key, isInclusive: true }, high: { key, isInclusive: true } }))
}

/** The keys that are in both of two lists of ascending intervals; ascending again. */
export function intersect(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  const both: Interval[] = []
  for (let i = 0, j = 0; ;) {
    const x = a[i]
    const y = b[j]
    if (x === undefined || y === undefined) return both
    const high = innermost(x.high, y.high, -1)
    const part = between(innermost(x.low, y.low, 1), high)
    if (!isEmpty(part)) both.push(part)
    // The one that ends first meets nothing more.
    if (high === x.high) i++
    else j++
  }
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
  return intervals.length === 1 && first !== undefined ? pointKey(first) : undefined
}

/** The keys of intervals, if each is just one. */
export function pointKeys(intervals: readonly Interval[]): Key[] | undefined {
  const keys = intervals.map(pointKey)
  return keys.every((key) => key !== undefined) ? keys : undefined
}

function pointKey({ low, high }: Interval): Key | undefined {
  if (low === undefined || high === undefined) return undefined
  return compareKeys(low.key, high.key) === 0 ? low.key : undefined
}
