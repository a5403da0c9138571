import { describe, expect, it } from 'vitest'
import { dateOf, dayOf, daysInMonth, firstWeekOf, isLeapYear, weekdayOf, weekYearOf } from './calendar.ts'

const epoch = Temporal.PlainDate.from('1970-01-01')
/** Every 211th day of the years 1 to 9999, and some before. */
const days = Array.from({ length: 17_300 }, (_, index) => dayOf(-30, 1, 1) + index * 211)

describe('the calendar', () => {
  it('has the dates, weekdays and lengths of months that Temporal has', () => {
    for (const day of days) {
      const date = epoch.add({ days: day })
      expect(dateOf(day)).toEqual({ year: date.year, month: date.month, dayOfMonth: date.day })
      expect(dayOf(date.year, date.month, date.day)).toBe(day)
      expect(weekdayOf(day)).toBe(date.dayOfWeek - 1)
      expect(daysInMonth(date.year, date.month)).toBe(date.daysInMonth)
      expect(isLeapYear(date.year)).toBe(date.inLeapYear)
    }
  })

  it('has the weeks of ISO 8601 when they begin on Monday', () => {
    for (const day of days) {
      const { yearOfWeek, weekOfYear } = epoch.add({ days: day })
      expect(weekYearOf(day, 0)).toBe(yearOfWeek)
      expect(Math.floor((day - firstWeekOf(yearOfWeek ?? 0, 0)) / 7) + 1).toBe(weekOfYear)
    }
  })

  it('begins weeks on other days, week 1 being the first with four days in the year', () => {
    expect(dateOf(firstWeekOf(2026, 6))).toEqual({ year: 2026, month: 1, dayOfMonth: 4 })
    expect(dateOf(firstWeekOf(2025, 6))).toEqual({ year: 2024, month: 12, dayOfMonth: 29 })
    expect(weekYearOf(dayOf(2024, 12, 29), 6)).toBe(2025)
  })

  it('takes a 13th month for the first of the next year', () => {
    expect(dayOf(2025, 13, 1)).toBe(dayOf(2026, 1, 1))
    expect(dayOf(2026, 0, 31)).toBe(dayOf(2025, 12, 31))
  })
})
