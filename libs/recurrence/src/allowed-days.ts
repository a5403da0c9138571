import { dateOf, dayOf, daysInYear, isLeapYear, lastYear, weekdayOf } from './calendar.ts'

type DayTest = (day: number) => boolean

/**
 * The days that a test of their date allows. Years with the same first weekday, which are leap years like their neighbours,
 * have the same days: each kind is looked through once.
 */
export class AllowedDays {
  private readonly allows: DayTest
  private readonly byLayout = new Map<number, readonly number[]>()

  constructor(allows: DayTest) {
    this.allows = allows
  }

  /** Whether there is any. Every kind of year is among 28 in a row. */
  isAny(): boolean {
    for (let year = 2000; year < 2028; year++) if (this.inYear(year).length > 0) return true
    return false
  }

  has(day: number): boolean {
    return this.allows(day)
  }

  /** The first one that is not before a day. */
  next(day: number): number | undefined {
    for (let { year } = dateOf(day); year <= lastYear; year++) {
      const newYear = dayOf(year, 1, 1)
      const days = this.inYear(year)
      const found = days[countBelow(days, day - newYear)]
      if (found !== undefined) return newYear + found
    }
    return undefined
  }

  /** The last one that is not after a day. */
  previous(day: number): number | undefined {
    for (let { year } = dateOf(day); year >= 1; year--) {
      const newYear = dayOf(year, 1, 1)
      const days = this.inYear(year)
      const found = days[countBelow(days, day + 1 - newYear) - 1]
      if (found !== undefined) return newYear + found
    }
    return undefined
  }

  /** How many there are in [from, before). */
  count(from: number, before: number): number {
    let total = this.countInYear(before) - this.countInYear(from)
    const { year: endYear } = dateOf(before)
    for (let { year } = dateOf(from); year < endYear; year++) total += this.inYear(year).length
    return total
  }

  /** How many days of its year before a day. */
  private countInYear(day: number): number {
    const { year } = dateOf(day)
    return countBelow(this.inYear(year), day - dayOf(year, 1, 1))
  }

  /** As days from the first of January. */
  private inYear(year: number): readonly number[] {
    const layout = yearLayout(year)
    const known = this.byLayout.get(layout)
    if (known !== undefined) return known
    const newYear = dayOf(year, 1, 1)
    const days: number[] = []
    for (let day = 0; day < daysInYear(year); day++) if (this.allows(newYear + day)) days.push(day)
    this.byLayout.set(layout, days)
    return days
  }
}

/** A number that is the same for years whose days are alike, those of the weeks at their ends included. */
export function yearLayout(year: number): number {
  const leaps = (isLeapYear(year - 1) ? 4 : 0) + (isLeapYear(year) ? 2 : 0) + (isLeapYear(year + 1) ? 1 : 0)
  return leaps * 7 + weekdayOf(dayOf(year, 1, 1))
}

/** How many of the sorted values are below a bound. */
function countBelow(values: readonly number[], bound: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] ?? bound) < bound) low = middle + 1
    else high = middle
  }
  return low
}
