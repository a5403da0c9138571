import { dateOf, dayOf, daysInMonth, daysInYear, firstWeekOf, weekdayOf, weekYearOf } from './calendar.ts'
import type { RecurrenceParts, WeekdayPart } from './recurrence-parts.ts'

type DayTest = (day: number) => boolean

/** Which days the BY… parts of a rule allow. With `lastForMissing`, days that a month lacks are its last one. */
export function dayFilter(parts: RecurrenceParts, lastForMissing: boolean): DayTest {
  const tests: DayTest[] = []
  if (parts.months.length > 0) {
    const months = new Set(parts.months)
    tests.push((day) => months.has(dateOf(day).month))
  }
  if (parts.weeksOfYear.length > 0) tests.push(weekTest(parts.weeksOfYear, parts.weekStart))
  if (parts.daysOfYear.length > 0) tests.push(dayOfYearTest(parts.daysOfYear))
  if (parts.daysOfMonth.length > 0) tests.push(dayOfMonthTest(parts.daysOfMonth, lastForMissing))
  if (parts.weekdays.length > 0) {
    const inMonth = parts.frequency === 'MONTHLY' || parts.months.length > 0
    tests.push(weekdayTest(parts.weekdays, inMonth))
  }
  return (day) => tests.every((test) => test(day))
}

function weekTest(weeks: readonly number[], weekStart: number): DayTest {
  const wanted = new Set(weeks)
  return (day) => {
    const year = weekYearOf(day, weekStart)
    const first = firstWeekOf(year, weekStart)
    const week = Math.floor((day - first) / 7) + 1
    const weeksInYear = (firstWeekOf(year + 1, weekStart) - first) / 7
    return wanted.has(week) || wanted.has(week - weeksInYear - 1)
  }
}

function dayOfYearTest(days: readonly number[]): DayTest {
  const wanted = new Set(days)
  return (day) => {
    const { year } = dateOf(day)
    const dayOfYear = day - dayOf(year, 1, 1) + 1
    return wanted.has(dayOfYear) || wanted.has(dayOfYear - daysInYear(year) - 1)
  }
}

function dayOfMonthTest(days: readonly number[], lastForMissing: boolean): DayTest {
  const wanted = new Set(days)
  return (day) => {
    const { year, month, dayOfMonth } = dateOf(day)
    const length = daysInMonth(year, month)
    if (wanted.has(dayOfMonth) || wanted.has(dayOfMonth - length - 1)) return true
    return lastForMissing && dayOfMonth === length && days.some((item) => item > length)
  }
}

function weekdayTest(weekdays: readonly WeekdayPart[], inMonth: boolean): DayTest {
  const every = new Set(weekdays.filter(({ ordinal }) => ordinal === 0).map(({ weekday }) => weekday))
  const ordinals = weekdays.filter(({ ordinal }) => ordinal !== 0)
  return (day) => {
    const weekday = weekdayOf(day)
    if (every.has(weekday)) return true
    if (ordinals.length === 0) return false
    const { year, month, dayOfMonth } = dateOf(day)
    const index = inMonth ? dayOfMonth - 1 : day - dayOf(year, 1, 1)
    const length = inMonth ? daysInMonth(year, month) : daysInYear(year)
    const fromStart = Math.floor(index / 7) + 1
    const fromEnd = -Math.floor((length - 1 - index) / 7) - 1
    return ordinals.some((item) => item.weekday === weekday && (item.ordinal === fromStart || item.ordinal === fromEnd))
  }
}
