import { AllowedDays, yearLayout } from './allowed-days.ts'
import {
  dateOf,
  dayOf,
  daysInMonth,
  daysPer400Years,
  endOfWallSeconds,
  firstWeekOf,
  greatestCommonDivisor,
  lastYear,
  modulo,
  secondsPerDay,
  weekdayOf,
  weekYearOf,
} from './calendar.ts'
import { dayFilter } from './day-filter.ts'
import { isWithinDay, type RecurrenceParts } from './recurrence-parts.ts'
import { selectedPositions } from './selected-positions.ts'
import { slotPeriods } from './slot-periods.ts'
import { TimeOfDaySet } from './time-of-day-set.ts'
import { noPeriods, PeriodicWallSequence, type Periods, type WallSequence } from './wall-sequence.ts'

/** The clock readings of a rule of RFC 5545 that begins at `start`. */
export function recurrenceWalls(given: RecurrenceParts, start: number, lastForMissing: boolean): WallSequence {
  const parts = withStart(given, start)
  const allowed = new AllowedDays(dayFilter(parts, lastForMissing))
  return new PeriodicWallSequence(periodsOf(parts, start, allowed), start, endOfWallSeconds)
}

function periodsOf(parts: RecurrenceParts, start: number, allowed: AllowedDays): Periods {
  if (!allowed.isAny()) return noPeriods
  if (isWithinDay(parts.frequency)) return slotPeriods(parts, start, allowed)
  const days = dayPeriods(parts, Math.floor(start / secondsPerDay), allowed)
  const timesPerDay = parts.hours.length * parts.minutes.length * parts.seconds.length
  const most = days.mostDays * timesPerDay
  if (parts.positions.length > 0 && parts.positions.every((position) => Math.abs(position) > most)) return noPeriods
  const periods = withTimes(parts, days)
  const { countDays } = days
  if (countDays === undefined || parts.positions.length > 0) return periods
  return { ...periods, total: (period, before) => countDays(period, before) * timesPerDay }
}

/** The rule with what it leaves to its start filled in (RFC 5545, 3.3.10: "information missing … is from DTSTART"). */
function withStart(parts: RecurrenceParts, start: number): RecurrenceParts {
  const { frequency } = parts
  const day = Math.floor(start / secondsPerDay)
  const second = modulo(start, secondsPerDay)
  const { month, dayOfMonth } = dateOf(day)
  const filled = { ...parts }
  if (parts.hours.length === 0 && !isWithinDay(frequency)) filled.hours = [Math.floor(second / 3600)]
  if (parts.minutes.length === 0 && frequency !== 'MINUTELY' && frequency !== 'SECONDLY') {
    filled.minutes = [Math.floor((second % 3600) / 60)]
  }
  if (parts.seconds.length === 0 && frequency !== 'SECONDLY') filled.seconds = [second % 60]
  const namesDays = parts.daysOfYear.length + parts.daysOfMonth.length + parts.weekdays.length > 0
  if (namesDays) return filled
  const startWeekday = [{ weekday: weekdayOf(day), ordinal: 0 }]
  if (frequency === 'WEEKLY' || (frequency === 'YEARLY' && parts.weeksOfYear.length > 0)) filled.weekdays = startWeekday
  else if (frequency === 'MONTHLY') filled.daysOfMonth = [dayOfMonth]
  else if (frequency === 'YEARLY') {
    filled.daysOfMonth = [dayOfMonth]
    if (parts.months.length === 0) filled.months = [month]
  }
  return filled
}

/** Periods of days, before times are put into them. */
interface DayPeriods {
  last: number
  /** As of `Periods`. */
  cycle: number
  /** The most days that a period can have. */
  mostDays: number
  /** The last period that begins at or before a day. */
  indexOf(day: number): number
  days(period: number): readonly number[]
  /** How many days the periods from one on and before another have, where that is known without looking at each. */
  countDays?: (period: number, before: number) => number
}

function dayPeriods(parts: RecurrenceParts, startDay: number, allowed: AllowedDays): DayPeriods {
  const { frequency, interval } = parts
  const lastDay = dayOf(lastYear, 12, 31)
  const { months, daysOfMonth, weekdays } = parts
  if (frequency === 'DAILY') {
    const all = months.length + daysOfMonth.length + weekdays.length === 0
    return {
      ...(all ? { countDays: (period: number, before: number) => before - period } : {}),
      ...(interval === 1
        ? { countDays: (period: number, before: number) => allowed.count(startDay + period, startDay + before) }
        : {}),
      last: Math.floor((lastDay - startDay) / interval),
      cycle: daysPer400Years / greatestCommonDivisor(daysPer400Years, interval),
      mostDays: 1,
      indexOf: (day) => Math.floor((day - startDay) / interval),
      days: (period) => daysOf(startDay + period * interval, 1, allowed),
    }
  }
  if (frequency === 'WEEKLY') {
    const week = startDay - modulo(weekdayOf(startDay) - parts.weekStart, 7)
    return {
      ...(months.length === 0
        ? { countDays: (period: number, before: number) => (before - period) * weekdays.length }
        : {}),
      last: Math.floor((lastDay - week) / (7 * interval)),
      cycle: daysPer400Years / 7,
      mostDays: weekdays.length,
      indexOf: (day) => Math.floor((day - week) / (7 * interval)),
      days: (period) => daysOf(week + period * 7 * interval, 7, allowed),
    }
  }
  if (frequency === 'MONTHLY') return monthPeriods(interval, startDay, allowed)
  return yearPeriods(parts, startDay, allowed)
}

function monthPeriods(interval: number, startDay: number, allowed: AllowedDays): DayPeriods {
  const monthNumber = (day: number): number => {
    const { year, month } = dateOf(day)
    return year * 12 + month - 1
  }
  const base = monthNumber(startDay)
  const layouts = new Map<number, readonly number[]>()
  return {
    last: Math.floor((lastYear * 12 + 11 - base) / interval),
    cycle: 4800,
    mostDays: 31,
    indexOf: (day) => Math.floor((monthNumber(day) - base) / interval),
    days: (period) => {
      const number = base + period * interval
      const year = Math.floor(number / 12)
      const month = modulo(number, 12) + 1
      const first = dayOf(year, month, 1)
      const length = daysInMonth(year, month)
      // Months of one name, length and first weekday have the same days.
      const layout = (month * 32 + length) * 7 + weekdayOf(first)
      return fromLayout(layouts, layout, first, () => daysOf(first, length, allowed))
    },
  }
}

function yearPeriods(parts: RecurrenceParts, startDay: number, allowed: AllowedDays): DayPeriods {
  const { interval, weekStart } = parts
  const byWeeks = parts.weeksOfYear.length > 0
  const yearOf = (day: number): number => (byWeeks ? weekYearOf(day, weekStart) : dateOf(day).year)
  const firstDay = (year: number): number => (byWeeks ? firstWeekOf(year, weekStart) : dayOf(year, 1, 1))
  const base = yearOf(startDay)
  const layouts = new Map<number, readonly number[]>()
  return {
    last: Math.floor((lastYear - base) / interval),
    cycle: 400,
    mostDays: 371,
    indexOf: (day) => Math.floor((yearOf(day) - base) / interval),
    days: (period) => {
      const year = base + period * interval
      const first = firstDay(year)
      return fromLayout(layouts, yearLayout(year), first, () => daysOf(first, firstDay(year + 1) - first, allowed))
    },
  }
}

/** The days of a period, from those of an earlier one of the same layout if there was one. */
function fromLayout(
  layouts: Map<number, readonly number[]>,
  layout: number,
  first: number,
  find: () => readonly number[],
): readonly number[] {
  const known = layouts.get(layout)
  if (known !== undefined) return known.length === 0 ? known : known.map((offset) => first + offset)
  const days = find()
  layouts.set(
    layout,
    days.map((day) => day - first),
  )
  return days
}

function daysOf(first: number, length: number, allowed: AllowedDays): readonly number[] {
  const days: number[] = []
  for (let day = first; day < first + length; day++) if (allowed.has(day)) days.push(day)
  return days
}

function withTimes(parts: RecurrenceParts, periods: DayPeriods): Periods {
  const times = new TimeOfDaySet(parts.hours, parts.minutes, parts.seconds)
  let latest: { period: number; days: readonly number[]; indexes: readonly number[] | undefined } | undefined
  const open = (period: number): NonNullable<typeof latest> => {
    if (latest?.period === period) return latest
    const days = periods.days(period)
    const indexes =
      parts.positions.length === 0 ? undefined : selectedPositions(parts.positions, days.length * times.size)
    latest = { period, days, indexes }
    return latest
  }
  return {
    first: 0,
    last: periods.last,
    cycle: periods.cycle,
    indexOf: (wall) => periods.indexOf(Math.floor(wall / secondsPerDay)),
    size: (period) => {
      const { days, indexes } = open(period)
      return indexes?.length ?? days.length * times.size
    },
    at: (period, index) => {
      const { days, indexes } = open(period)
      const position = indexes === undefined ? index : (indexes[index] ?? Number.NaN)
      const day = days[Math.floor(position / times.size)] ?? Number.NaN
      return day * secondsPerDay + times.at(position % times.size)
    },
  }
}
