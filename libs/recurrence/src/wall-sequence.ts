import { QError } from '@qcore/errors'

/** How many periods without a reading are looked at in a row. Rules that somebody wants come far sooner. */
const mostEmptyPeriods = 21_000

/**
 * The clock readings of a rule, in order, without any time zone. A reading is a wall second: the seconds since
 * 1970-01-01T00:00:00 that a clock on UTC would count when it shows that date and time.
 */
export interface WallSequence {
  /** The first reading that is not before `from`. */
  next(from: number): number | undefined
  /** The last reading before `before`. */
  previous(before: number): number | undefined
  /** How many readings there are in [from, before). */
  count(from: number, before: number): number
  /** The reading with this index, from 0, among those that are not before `from`. */
  nth(from: number, index: number): number | undefined
}

/** Readings in periods (days, weeks, months, years) that follow each other: every reading of one is before all of the next. */
export interface Periods {
  /** The indexes of the periods that count. */
  readonly first: number
  readonly last: number
  /** Where so many in a row have no reading, none has: after them the same ones follow. The calendar repeats after 400 years. */
  readonly cycle: number
  /** The last period that begins at or before a reading. */
  indexOf(wall: number): number
  size(period: number): number
  /** A reading of a period by its index. */
  at(period: number, index: number): number
  /** The nearest period from this one on, or back, that can have readings; the period itself if that is not known sooner. */
  forward?(period: number): number | undefined
  back?(period: number): number | undefined
  /** How many readings the periods from one on and before another have, where that is known without looking at each. */
  total?(period: number, before: number): number
}

/** No period at all. */
export const noPeriods: Periods = {
  first: 0,
  last: -1,
  cycle: 0,
  indexOf: () => 0,
  size: () => 0,
  at: () => Number.NaN,
}

/**
 * The readings of periods that are not before `start` and before `end`. What has to look at too many periods throws
 * `invalid_schedule`.
 */
export class PeriodicWallSequence implements WallSequence {
  private readonly periods: Periods
  private readonly start: number
  private readonly end: number

  constructor(periods: Periods, start: number, end: number) {
    this.periods = periods
    this.start = start
    this.end = end
  }

  next(from: number): number | undefined {
    const found = this.locate(Math.max(from, this.start))
    if (found === undefined) return undefined
    const wall = this.periods.at(found.period, found.index)
    return wall < this.end ? wall : undefined
  }

  previous(before: number): number | undefined {
    const { periods } = this
    const bound = Math.min(before, this.end)
    const latest = Math.min(periods.indexOf(bound), periods.last)
    const earliest = Math.max(periods.first, latest - periods.cycle)
    for (let period: number | undefined = latest, looked = 0; ; period--, looked++) {
      assertFew(looked)
      period = periods.back === undefined ? period : periods.back(period)
      if (period === undefined || period < earliest) return undefined
      const index = this.indexIn(period, bound) - 1
      if (index < 0) continue
      const wall = periods.at(period, index)
      return wall >= this.start ? wall : undefined
    }
  }

  count(from: number, before: number): number {
    const bound = Math.min(before, this.end)
    const found = this.locate(Math.max(from, this.start))
    if (found === undefined) return 0
    const { periods } = this
    const lastPeriod = Math.min(periods.indexOf(bound), periods.last)
    if (lastPeriod < found.period) return 0
    return Math.max(this.total(found.period, lastPeriod) - found.index + this.indexIn(lastPeriod, bound), 0)
  }

  nth(from: number, index: number): number | undefined {
    const { periods } = this
    const found = this.locate(Math.max(from, this.start))
    if (found === undefined) return undefined
    const { period, remaining } = this.advance(found.period, found.index + index)
    if (period > periods.last) return undefined
    const wall = periods.at(period, remaining)
    return wall < this.end ? wall : undefined
  }

  private total(first: number, before: number): number {
    const { periods } = this
    if (periods.total !== undefined) return periods.total(first, before)
    let total = 0
    for (let period = first; period < before; period++) total += periods.size(period)
    return total
  }

  /** The period that has the reading with this index from a period on, and its index there. */
  private advance(first: number, index: number): { period: number; remaining: number } {
    const { periods } = this
    if (periods.total === undefined) {
      let remaining = index
      for (let period = first; period <= periods.last; period++) {
        const size = periods.size(period)
        if (remaining < size) return { period, remaining }
        remaining -= size
      }
      return { period: periods.last + 1, remaining }
    }
    let low = first
    let high = periods.last + 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (periods.total(first, middle + 1) > index) high = middle
      else low = middle + 1
    }
    return { period: low, remaining: index - periods.total(first, low) }
  }

  /** The period and the index of the first reading that is not before `from`. */
  private locate(from: number): { period: number; index: number } | undefined {
    const { periods } = this
    const earliest = Math.max(periods.indexOf(from), periods.first)
    const latest = Math.min(periods.last, earliest + periods.cycle)
    for (let period: number | undefined = earliest, looked = 0; ; period++, looked++) {
      assertFew(looked)
      period = periods.forward === undefined ? period : periods.forward(period)
      if (period === undefined || period > latest) return undefined
      const index = this.indexIn(period, from)
      if (index < periods.size(period)) return { period, index }
    }
  }

  /** How many readings of a period are before `wall`. */
  private indexIn(period: number, wall: number): number {
    let low = 0
    let high = this.periods.size(period)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.periods.at(period, middle) < wall) low = middle + 1
      else high = middle
    }
    return low
  }
}

function assertFew(empty: number): void {
  if (empty <= mostEmptyPeriods) return
  const apart = `more than ${mostEmptyPeriods} days, or other periods, without an occurrence`
  throw new QError('invalid_schedule', `the rule has ${apart} between two of them`)
}

/** One reading. */
export function singleWall(wall: number): WallSequence {
  return {
    next: (from) => (wall >= from ? wall : undefined),
    previous: (before) => (wall < before ? wall : undefined),
    count: (from, before) => (wall >= from && wall < before ? 1 : 0),
    nth: (from, index) => (index === 0 && wall >= from ? wall : undefined),
  }
}
