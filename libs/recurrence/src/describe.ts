import { weekdayNames } from './parse-rrule.ts'
import { durationText } from './parse-duration.ts'
import type { CronParts } from './parse-cron.ts'
import type { RecurrenceParts } from './recurrence-parts.ts'
import type { Rule } from './rule.ts'
import type { TimeOfDaySet } from './time-of-day-set.ts'

const weekdayWords = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const monthWords = 'January February March April May June July August September October November December'.split(' ')
const unitWords = {
  YEARLY: 'year',
  MONTHLY: 'month',
  WEEKLY: 'week',
  DAILY: 'day',
  HOURLY: 'hour',
  MINUTELY: 'minute',
  SECONDLY: 'second',
} as const

/** A rule in English, for people. Programs use its spec. */
export function describeRule(rule: Rule): string {
  const { spec, form } = rule
  const bounds = [
    spec.start !== undefined && `from ${spec.start}`,
    spec.end !== undefined && `until ${spec.end}`,
    spec.count !== undefined && (spec.count === 1 ? 'once' : `${spec.count} times`),
    spec.exclude !== undefined && `except ${listed(spec.exclude, 3)}`,
    spec.include !== undefined && `also ${listed(spec.include, 3)}`,
    spec.jitter !== undefined && `up to ${spec.jitter} later`,
  ]
  const zone = form.kind === 'interval' ? '' : ` (${spec.timezone})`
  return [`${formText(rule)}${zone}`, ...bounds.filter((text) => text !== false)].join(', ')
}

function formText({ form, spec }: Rule): string {
  switch (form.kind) {
    case 'once':
      return `once at ${spec.at ?? ''}`
    case 'interval':
      return `every ${durationText(form.everyMs)}${spec.anchor === undefined ? '' : ` counted from ${spec.anchor}`}`
    case 'cron':
      return cronText(form.cron)
    case 'recurrence':
      return recurrenceWords(form.parts)
    default:
      return form satisfies never
  }
}

function cronText({ days, times }: CronParts): string {
  const dayWords = [
    ...ranges(days.daysOfMonth, 1, 31, String).map((text) => `day ${text}`),
    ...[...days.daysBeforeMonthEnd].map((before) =>
      before === 0 ? 'the last day' : `${before} days before the last day`,
    ),
  ]
  const weekdays = [
    ...ranges(days.weekdays, 0, 6, (weekday) => weekdayWords[weekday] ?? ''),
    ...days.weekdaysOfMonth.map(ordinalWeekday),
  ]
  const dates = [
    dayWords.length > 0 && `on ${listed(dayWords)} of the month`,
    weekdays.length > 0 && `on ${listed(weekdays)}`,
  ].filter((text) => text !== false)
  const months = ranges(days.months, 1, 12, (month) => monthWords[month - 1] ?? '')
  return [
    timesText(times),
    dates.join(days.either ? ' or ' : ' and '),
    months.length === 0 ? '' : `in ${listed(months)}`,
  ]
    .filter((text) => text !== '')
    .join(' ')
}

function recurrenceWords(parts: RecurrenceParts): string {
  const unit = unitWords[parts.frequency]
  const numbers = (name: string, values: readonly number[]): string | false =>
    values.length > 0 && `${name} ${listed(values.map(String))}`
  const words = [
    parts.interval === 1 ? `every ${unit}` : `every ${parts.interval} ${unit}s`,
    parts.months.length > 0 && `in ${listed(parts.months.map((month) => monthWords[month - 1] ?? ''))}`,
    numbers('in week', parts.weeksOfYear),
    numbers('on day of the year', parts.daysOfYear),
    numbers('on day of the month', parts.daysOfMonth),
    parts.weekdays.length > 0 && `on ${listed(parts.weekdays.map(ordinalWeekday))}`,
    numbers('at hour', parts.hours),
    numbers('at minute', parts.minutes),
    numbers('at second', parts.seconds),
    parts.positions.length > 0 && `of these number ${listed(parts.positions.map(String))}`,
    parts.weekStart !== 0 && `weeks from ${weekdayNames[parts.weekStart] ?? ''}`,
  ]
  return words.filter((text) => text !== false).join(' ')
}

/** More times than these are shown as hours, minutes and seconds. */
const mostTimesListed = 4

function timesText(times: TimeOfDaySet): string {
  if (times.size <= mostTimesListed) {
    return `at ${listed(Array.from({ length: times.size }, (_, index) => clockText(times.at(index))))}`
  }
  const seconds = ranges(new Set(times.seconds), 0, 59, String)
  const minutes = ranges(new Set(times.minutes), 0, 59, String)
  const hours = ranges(new Set(times.hours), 0, 23, String)
  const onTheMinute = times.seconds.length === 1 && times.seconds[0] === 0
  const secondWords = seconds.length === 0 ? 'every second' : `at second ${listed(seconds)}`
  const words = [
    onTheMinute ? '' : secondWords,
    minutes.length === 0 ? 'every minute' : `at minute ${listed(minutes)}`,
    hours.length === 0 ? 'of every hour' : `of hour ${listed(hours)}`,
  ]
  return words.filter((text) => text !== '').join(' ')
}

function clockText(second: number): string {
  const parts = [Math.floor(second / 3600), Math.floor((second % 3600) / 60), second % 60]
  const [hour, minute, rest] = parts.map((part) => String(part).padStart(2, '0'))
  return rest === '00' ? `${hour}:${minute}` : `${hour}:${minute}:${rest}`
}

/** Sorted values with neighbours joined to ranges; nothing if all that there can be are there. */
function ranges(values: ReadonlySet<number>, least: number, most: number, name: (value: number) => string): string[] {
  if (values.size === most - least + 1) return []
  const sorted = [...values].sort((a, b) => a - b)
  const texts: string[] = []
  for (let first = 0; first < sorted.length;) {
    let last = first
    while (sorted[last + 1] === (sorted[last] ?? 0) + 1) last++
    const [from, to] = [name(sorted[first] ?? 0), name(sorted[last] ?? 0)]
    texts.push(...(last - first < 2 ? [from, ...(last > first ? [to] : [])] : [`${from} to ${to}`]))
    first = last + 1
  }
  return texts
}

function ordinalWeekday({ weekday, ordinal }: { weekday: number; ordinal: number }): string {
  const word = weekdayWords[weekday] ?? ''
  if (ordinal === 0) return word
  if (ordinal === -1) return `the last ${word}`
  return ordinal < 0 ? `${word} number ${-ordinal} from the end` : `${word} number ${ordinal}`
}

function listed(items: readonly string[], most = 12): string {
  if (items.length > most) return `${items.slice(0, most).join(', ')} and ${items.length - most} more`
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}
