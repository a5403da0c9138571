/** The proleptic Gregorian calendar in integers. A day is the number of days since 1970-01-01; a weekday is 0 for Monday. */

export interface CivilDate {
  year: number
  /** 1 to 12 */
  month: number
  /** 1 to 31 */
  dayOfMonth: number
}

export const secondsPerDay = 86_400

/** The last year of every rule: RFC 5545 writes years with four digits. */
export const lastYear = 9999

/** The calendar repeats after 400 years, weekdays included. */
export const daysPer400Years = 146_097
/** From 0000-03-01 to 1970-01-01. */
const epochOffsetDays = 719_468

/** The day of a date. The month may lie outside 1 to 12: 13 is January of the next year. */
export function dayOf(year: number, month: number, dayOfMonth: number): number {
  // A year that begins in March has its leap day at the end.
  const marchMonth = month - 3
  const marchYear = year + Math.floor(marchMonth / 12)
  const monthOfYear = marchMonth - Math.floor(marchMonth / 12) * 12
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * monthOfYear + 2) / 5) + dayOfMonth - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * daysPer400Years + dayOfEra - epochOffsetDays
}

/** The date of a day. */
export function dateOf(day: number): CivilDate {
  const shifted = day + epochOffsetDays
  const era = Math.floor(shifted / daysPer400Years)
  const dayOfEra = shifted - era * daysPer400Years
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return {
    year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0),
    month,
    dayOfMonth: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  }
}

export function weekdayOf(day: number): number {
  return modulo(day + 3, 7)
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

export function daysInYear(year: number): number {
  return isLeapYear(year) ? 366 : 365
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** The first day of week 1 of a year, for weeks that begin on a weekday: week 1 is the first with four days in the year. */
export function firstWeekOf(year: number, weekStart: number): number {
  const newYear = dayOf(year, 1, 1)
  const daysBefore = modulo(weekdayOf(newYear) - weekStart, 7)
  return daysBefore <= 3 ? newYear - daysBefore : newYear + 7 - daysBefore
}

/** The year whose weeks contain the day. */
export function weekYearOf(day: number, weekStart: number): number {
  const { year } = dateOf(day)
  if (day < firstWeekOf(year, weekStart)) return year - 1
  return day >= firstWeekOf(year + 1, weekStart) ? year + 1 : year
}

/** The remainder that has the sign of the divisor. */
export function modulo(value: number, divisor: number): number {
  const remainder = value % divisor
  // Adding 0 makes 0 of -0.
  return remainder < 0 ? remainder + divisor : remainder + 0
}

export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** The first second of the year 1 and the first one after the last year, as wall seconds. */
export const firstWallSecond = dayOf(1, 1, 1) * secondsPerDay
export const endOfWallSeconds = dayOf(lastYear + 1, 1, 1) * secondsPerDay
