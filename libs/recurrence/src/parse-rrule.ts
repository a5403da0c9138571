import type { Frequency, RecurrenceParts, WeekdayPart } from './recurrence-parts.ts'
import { scheduleProblem, shown, type TextPlace } from './schedule-problem.ts'
import { parseBasicTime, type TimeValue } from './time-value.ts'

/** What the text of a rule says: the rule, and how long it goes on. */
export interface ParsedRecurrence {
  parts: RecurrenceParts
  count?: number
  until?: TimeValue
  /** RFC 7529, SKIP=BACKWARD: days that a month lacks are its last one. */
  lastForMissing?: boolean
}

/** A list of numbers with its bounds. Zero is never one of them unless it is the least. */
interface ListPart {
  least: number
  most: number
  /** Negative ones count from the end. */
  fromEnd: boolean
  target: 'months' | 'weeksOfYear' | 'daysOfYear' | 'daysOfMonth' | 'hours' | 'minutes' | 'seconds' | 'positions'
}

const listParts: Readonly<Record<string, ListPart>> = {
  BYMONTH: { least: 1, most: 12, fromEnd: false, target: 'months' },
  BYWEEKNO: { least: 1, most: 53, fromEnd: true, target: 'weeksOfYear' },
  BYYEARDAY: { least: 1, most: 366, fromEnd: true, target: 'daysOfYear' },
  BYMONTHDAY: { least: 1, most: 31, fromEnd: true, target: 'daysOfMonth' },
  BYHOUR: { least: 0, most: 23, fromEnd: false, target: 'hours' },
  BYMINUTE: { least: 0, most: 59, fromEnd: false, target: 'minutes' },
  BYSECOND: { least: 0, most: 59, fromEnd: false, target: 'seconds' },
  BYSETPOS: { least: 1, most: 366, fromEnd: true, target: 'positions' },
}

const frequencies: readonly Frequency[] = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY']
export const weekdayNames = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const

export const mostCount = 1_000_000_000
/** Of any unit: a rule by seconds then still has an occurrence every twelve days. */
export const mostInterval = 1_000_000

/** A part of a rule: its value, the name of the field for errors, and where the value begins. */
export interface PartText {
  name: string
  value: string
  place: TextPlace
}

/** Reads `FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10`, which begins at a character of the text that was given. */
export function parseRecurrence(text: string, offset: number): ParsedRecurrence {
  const seen = new Map<string, PartText>()
  let position = offset
  for (const piece of text.split(';')) {
    const equals = piece.indexOf('=')
    const name = piece.slice(0, Math.max(equals, 0)).toUpperCase()
    if (equals < 1) throw scheduleProblem('rrule', `${shown(piece)} is not of the form NAME=value`, { position })
    if (seen.has(name)) throw scheduleProblem(`rrule.${name}`, 'given twice', { position })
    const place = { position: position + equals + 1 }
    seen.set(name, { name, value: piece.slice(equals + 1).toUpperCase(), place })
    position += piece.length + 1
  }
  return readParts(seen, offset)
}

function readParts(seen: ReadonlyMap<string, PartText>, offset: number): ParsedRecurrence {
  const freq = seen.get('FREQ')
  if (freq === undefined) throw scheduleProblem('rrule.FREQ', 'is missing', { position: offset })
  const parts = emptyParts(oneOf(freq, frequencies))
  const parsed: ParsedRecurrence = { parts }
  for (const part of seen.values()) readPart(part, parsed)
  if (seen.has('COUNT') && seen.has('UNTIL')) {
    throw scheduleProblem('rrule.COUNT', 'a rule has COUNT or UNTIL, not both', seen.get('COUNT')?.place)
  }
  if (seen.has('SKIP') && !seen.has('RSCALE')) {
    throw scheduleProblem('rrule.SKIP', 'needs RSCALE=GREGORIAN', seen.get('SKIP')?.place)
  }
  checkParts(parts, (name) => {
    const place = seen.get(name)?.place
    return { field: `rrule.${name}`, ...(place === undefined ? {} : { place }) }
  })
  return parsed
}

function readPart(part: PartText, parsed: ParsedRecurrence): void {
  const { parts } = parsed
  const list = Object.hasOwn(listParts, part.name) ? listParts[part.name] : undefined
  if (list !== undefined) {
    parts[list.target] = numberList(part, list)
    return
  }
  switch (part.name) {
    case 'FREQ':
      return
    case 'INTERVAL':
      parts.interval = wholeNumber(part, mostInterval)
      return
    case 'COUNT':
      parsed.count = wholeNumber(part, mostCount)
      return
    case 'UNTIL':
      parsed.until = parseBasicTime(part.value, 'rrule.UNTIL', part.place)
      return
    case 'WKST':
      parts.weekStart = weekdayNames.indexOf(oneOf(part, weekdayNames))
      return
    case 'BYDAY':
      parts.weekdays = sortedWeekdays(items(part).map(({ text, place }) => parseWeekday(text, 'rrule.BYDAY', place)))
      return
    case 'RSCALE':
      oneOf(part, ['GREGORIAN'])
      return
    case 'SKIP':
      parsed.lastForMissing = oneOf(part, ['OMIT', 'BACKWARD']) === 'BACKWARD'
      return
    default:
      throw scheduleProblem(`rrule.${part.name}`, 'is no part of a recurrence rule', part.place)
  }
}

/** A rule with a frequency and nothing else. */
export function emptyParts(frequency: Frequency): RecurrenceParts {
  return {
    frequency,
    interval: 1,
    months: [],
    weeksOfYear: [],
    daysOfYear: [],
    daysOfMonth: [],
    weekdays: [],
    hours: [],
    minutes: [],
    seconds: [],
    positions: [],
    weekStart: 0,
  }
}

/** Refuses parts that RFC 5545 does not allow together. */
export function checkParts(
  parts: RecurrenceParts,
  nameOf: (part: string) => { field: string; place?: TextPlace },
): void {
  const { frequency } = parts
  const refuse = (part: string, message: string): never => {
    const { field, place } = nameOf(part)
    throw scheduleProblem(field, message, place)
  }
  if (parts.weeksOfYear.length > 0 && frequency !== 'YEARLY') refuse('BYWEEKNO', 'goes with FREQ=YEARLY only')
  if (parts.daysOfYear.length > 0 && ['DAILY', 'WEEKLY', 'MONTHLY'].includes(frequency)) {
    refuse('BYYEARDAY', `does not go with FREQ=${frequency}`)
  }
  if (parts.daysOfMonth.length > 0 && frequency === 'WEEKLY') refuse('BYMONTHDAY', 'does not go with FREQ=WEEKLY')
  if (parts.weekdays.some(({ ordinal }) => ordinal !== 0)) {
    if (frequency !== 'MONTHLY' && frequency !== 'YEARLY') {
      refuse('BYDAY', `a number before the weekday does not go with FREQ=${frequency}`)
    }
    if (parts.weeksOfYear.length > 0) refuse('BYDAY', 'a number before the weekday does not go with BYWEEKNO')
  }
  const others = [parts.months, parts.weeksOfYear, parts.daysOfYear, parts.daysOfMonth, parts.weekdays]
  const times = [parts.hours, parts.minutes, parts.seconds]
  if (parts.positions.length > 0 && [...others, ...times].every((list) => list.length === 0)) {
    refuse('BYSETPOS', 'needs another BY part to select from')
  }
}

/** Reads `MO`, `2TU` or `-1FR`. */
export function parseWeekday(text: string, field: string, place?: TextPlace): WeekdayPart {
  const match = /^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$/.exec(text)
  const [, number, name] = match ?? []
  const ordinal = number === undefined ? 0 : Number(number)
  const weekday = weekdayNames.findIndex((weekdayName) => weekdayName === name)
  if (weekday === -1 || Math.abs(ordinal) > 53 || (number !== undefined && ordinal === 0)) {
    throw scheduleProblem(field, `${shown(text)} is no weekday such as MO, 2TU or -1FR`, place)
  }
  return { weekday, ordinal }
}

/** What a list part of this name takes, or undefined if there is none. */
export function listPart(name: string): ListPart | undefined {
  return Object.hasOwn(listParts, name) ? listParts[name] : undefined
}

/** Whether a number may stand in a list part. */
export function isListed(value: number, list: ListPart): boolean {
  const size = list.fromEnd ? Math.abs(value) : value
  return Number.isInteger(value) && size >= list.least && size <= list.most
}

export function listRange({ least, most, fromEnd }: ListPart): string {
  return fromEnd ? `${least} to ${most} or -${most} to -${least}` : `${least} to ${most}`
}

export function sortedList(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b)
}

export function sortedWeekdays(weekdays: readonly WeekdayPart[]): WeekdayPart[] {
  const known = new Map(weekdays.map((item) => [item.weekday + item.ordinal * 7, item]))
  return [...known.values()].sort((a, b) => a.weekday - b.weekday || a.ordinal - b.ordinal)
}

function numberList(part: PartText, list: ListPart): number[] {
  const values = items(part).map(({ text, place }) => {
    const value = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : Number.NaN
    if (isListed(value, list)) return value
    throw scheduleProblem(`rrule.${part.name}`, `${shown(text)} is not of ${listRange(list)}`, place)
  })
  return sortedList(values)
}

function items(part: PartText): { text: string; place: TextPlace }[] {
  let { position } = part.place
  return part.value.split(',').map((text) => {
    const place = { position }
    position += text.length + 1
    return { text, place }
  })
}

function wholeNumber(part: PartText, most: number): number {
  const value = /^\d{1,10}$/.test(part.value) ? Number(part.value) : 0
  if (value >= 1 && value <= most) return value
  throw scheduleProblem(`rrule.${part.name}`, `${shown(part.value)} is no whole number from 1 to ${most}`, part.place)
}

function oneOf<T extends string>(part: PartText, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === part.value)
  if (found !== undefined) return found
  throw scheduleProblem(`rrule.${part.name}`, `${shown(part.value)} is none of ${allowed.join(', ')}`, part.place)
}
