import { weekdayNames } from './parse-rrule.ts'
import type { RecurrenceParts, WeekdayPart } from './recurrence-parts.ts'

/** A rule as RFC 5545 writes it, without start and end. */
export function recurrenceText(parts: RecurrenceParts): string {
  const lists: readonly (readonly [string, readonly (number | string)[]])[] = [
    ['BYMONTH', parts.months],
    ['BYWEEKNO', parts.weeksOfYear],
    ['BYYEARDAY', parts.daysOfYear],
    ['BYMONTHDAY', parts.daysOfMonth],
    ['BYDAY', parts.weekdays.map(weekdayText)],
    ['BYHOUR', parts.hours],
    ['BYMINUTE', parts.minutes],
    ['BYSECOND', parts.seconds],
    ['BYSETPOS', parts.positions],
  ]
  return [
    `FREQ=${parts.frequency}`,
    ...(parts.interval === 1 ? [] : [`INTERVAL=${parts.interval}`]),
    ...lists.filter(([, values]) => values.length > 0).map(([name, values]) => `${name}=${values.join(',')}`),
    ...(parts.weekStart === 0 ? [] : [`WKST=${weekdayNames[parts.weekStart] ?? ''}`]),
  ].join(';')
}

function weekdayText({ weekday, ordinal }: WeekdayPart): string {
  return `${ordinal === 0 ? '' : ordinal}${weekdayNames[weekday] ?? ''}`
}
