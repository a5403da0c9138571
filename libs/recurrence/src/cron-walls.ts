import { AllowedDays } from './allowed-days.ts'
import {
  dateOf,
  daysInMonth,
  daysPer400Years,
  endOfWallSeconds,
  firstWallSecond,
  secondsPerDay,
  weekdayOf,
} from './calendar.ts'
import type { TimeOfDaySet } from './time-of-day-set.ts'
import { noPeriods, PeriodicWallSequence, type Periods, type WallSequence } from './wall-sequence.ts'

/** What a day of cron's day-of-month and day-of-week fields may be besides a number. */
export interface CronDays {
  months: ReadonlySet<number>
  /** Days from 1. */
  daysOfMonth: ReadonlySet<number>
  /** `L` is 0, `L-3` is 3. */
  daysBeforeMonthEnd: ReadonlySet<number>
  /** From 0 for Monday, as everywhere here. */
  weekdays: ReadonlySet<number>
  /** `1#2`: the second Monday; `5L`: the last Friday, as -1. */
  weekdaysOfMonth: readonly { weekday: number; ordinal: number }[]
  /** Vixie's rule: where neither field begins with `*`, a day of either is one; else it must be one of both. */
  either: boolean
  /** Days that a month lacks are its last one. */
  lastForMissing: boolean
}

/** The clock readings of a cron expression. */
export function cronWalls(days: CronDays, times: TimeOfDaySet): WallSequence {
  const allowed = new AllowedDays((day) => isCronDay(days, day))
  const periods: Periods = {
    first: firstWallSecond / secondsPerDay,
    last: endOfWallSeconds / secondsPerDay - 1,
    cycle: daysPer400Years,
    indexOf: (wall) => Math.floor(wall / secondsPerDay),
    size: (day) => (allowed.has(day) ? times.size : 0),
    at: (day, index) => day * secondsPerDay + times.at(index),
    forward: (day) => allowed.next(day),
    back: (day) => allowed.previous(day),
    total: (day, before) => allowed.count(day, before) * times.size,
  }
  return new PeriodicWallSequence(allowed.isAny() ? periods : noPeriods, firstWallSecond, endOfWallSeconds)
}

function isCronDay(days: CronDays, day: number): boolean {
  const { year, month, dayOfMonth } = dateOf(day)
  if (!days.months.has(month)) return false
  const length = daysInMonth(year, month)
  const byMonth = isDayOfMonth(days, dayOfMonth, length)
  if (days.either ? byMonth : !byMonth) return byMonth
  return isDayOfWeek(days, weekdayOf(day), dayOfMonth, length)
}

function isDayOfMonth(days: CronDays, dayOfMonth: number, length: number): boolean {
  if (days.daysOfMonth.has(dayOfMonth) || days.daysBeforeMonthEnd.has(length - dayOfMonth)) return true
  if (!days.lastForMissing || dayOfMonth !== length) return false
  for (let missing = length + 1; missing <= 31; missing++) if (days.daysOfMonth.has(missing)) return true
  return false
}

function isDayOfWeek(days: CronDays, weekday: number, dayOfMonth: number, length: number): boolean {
  if (days.weekdays.has(weekday)) return true
  return days.weekdaysOfMonth.some(
    (item) =>
      item.weekday === weekday &&
      (item.ordinal === -1 ? dayOfMonth + 7 > length : Math.ceil(dayOfMonth / 7) === item.ordinal),
  )
}
