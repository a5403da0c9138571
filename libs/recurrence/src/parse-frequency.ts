import {
  checkParts,
  emptyParts,
  isListed,
  listPart,
  listRange,
  mostInterval,
  parseWeekday,
  sortedList,
  sortedWeekdays,
  weekdayNames,
} from './parse-rrule.ts'
import type { Frequency, RecurrenceParts } from './recurrence-parts.ts'
import { scheduleProblem, shown } from './schedule-problem.ts'

const frequencies: Readonly<Record<string, Frequency>> = {
  minutely: 'MINUTELY',
  hourly: 'HOURLY',
  daily: 'DAILY',
  weekly: 'WEEKLY',
  monthly: 'MONTHLY',
  yearly: 'YEARLY',
}

/** The members of a schedule object that are lists, with the part of RFC 5545 that each one is. */
const lists = {
  by_month: 'BYMONTH',
  by_week_no: 'BYWEEKNO',
  by_year_day: 'BYYEARDAY',
  by_month_day: 'BYMONTHDAY',
  by_hour: 'BYHOUR',
  by_minute: 'BYMINUTE',
  by_second: 'BYSECOND',
  by_set_pos: 'BYSETPOS',
} as const

/** The members of a schedule object that make its rule; others say how long it goes on. */
export const frequencyMembers: readonly string[] = [
  'frequency',
  'interval',
  'by_day',
  'week_start',
  ...Object.keys(lists),
]

/** Reads a schedule object: `{ frequency: 'weekly', interval: 2, by_day: ['MO', 'WE'] }`. */
export function parseFrequency(input: Readonly<Record<string, unknown>>): RecurrenceParts {
  const { frequency: name, interval, by_day: byDay, week_start: weekStart } = input
  const frequency = typeof name === 'string' && Object.hasOwn(frequencies, name) ? frequencies[name] : undefined
  if (frequency === undefined) {
    throw scheduleProblem('frequency', `${shown(name)} is none of ${Object.keys(frequencies).join(', ')}`)
  }
  const parts = emptyParts(frequency)
  if (interval !== undefined && interval !== null) {
    if (typeof interval !== 'number' || !Number.isInteger(interval) || interval < 1 || interval > mostInterval) {
      throw scheduleProblem('interval', `${shown(interval)} is no whole number from 1 to ${mostInterval}`)
    }
    parts.interval = interval
  }
  parts.weekdays = sortedWeekdays(
    listOf(byDay, 'by_day').map((item, index) =>
      parseWeekday(typeof item === 'string' ? item : shown(item), `by_day[${index}]`),
    ),
  )
  if (weekStart !== undefined && weekStart !== null) {
    parts.weekStart = weekdayNames.findIndex((weekday) => weekday === weekStart)
    if (parts.weekStart === -1)
      throw scheduleProblem('week_start', `${shown(weekStart)} is none of ${weekdayNames.join(', ')}`)
  }
  for (const [member, part] of Object.entries(lists)) readList(parts, input, { member, part })
  checkParts(parts, (part) => ({ field: memberOf(part) }))
  return parts
}

function readList(
  parts: RecurrenceParts,
  input: Readonly<Record<string, unknown>>,
  { member, part }: { member: string; part: string },
): void {
  const list = listPart(part)
  if (list === undefined) return
  const values = listOf(input[member], member).map((item, index) => {
    if (typeof item === 'number' && isListed(item, list)) return item
    throw scheduleProblem(`${member}[${index}]`, `${shown(item)} is not of ${listRange(list)}`)
  })
  parts[list.target] = sortedList(values)
}

/** Longer than any list without duplicates. */
const mostItems = 1000

function listOf(value: unknown, field: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.length <= mostItems) return value
  throw scheduleProblem(field, `${shown(value)} is no list of at most ${mostItems}`)
}

function memberOf(part: string): string {
  const found = Object.entries(lists).find(([, name]) => name === part)
  return found?.[0] ?? 'by_day'
}
