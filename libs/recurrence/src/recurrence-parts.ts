/** How often a recurrence rule repeats (RFC 5545, FREQ). */
export type Frequency = 'YEARLY' | 'MONTHLY' | 'WEEKLY' | 'DAILY' | 'HOURLY' | 'MINUTELY' | 'SECONDLY'

/** BYDAY: a weekday from 0 for Monday; with an ordinal other than 0 the n-th of its month or year, from the end if negative. */
export interface WeekdayPart {
  weekday: number
  ordinal: number
}

/** A recurrence rule of RFC 5545, checked. Lists are sorted, without duplicates, and empty where the part is absent. */
export interface RecurrenceParts {
  frequency: Frequency
  interval: number
  months: readonly number[]
  weeksOfYear: readonly number[]
  daysOfYear: readonly number[]
  daysOfMonth: readonly number[]
  weekdays: readonly WeekdayPart[]
  hours: readonly number[]
  minutes: readonly number[]
  seconds: readonly number[]
  positions: readonly number[]
  /** From 0 for Monday. */
  weekStart: number
}

/** Whether a rule repeats within the day, as the clock goes on. */
export function isWithinDay(frequency: Frequency): boolean {
  return frequency === 'HOURLY' || frequency === 'MINUTELY' || frequency === 'SECONDLY'
}
