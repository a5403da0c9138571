import { parse } from 'node-cron'
import type { CronDays } from './cron-walls.ts'
import { scheduleProblem, shown } from './schedule-problem.ts'
import { TimeOfDaySet } from './time-of-day-set.ts'

/** A cron expression, read. */
export interface CronParts {
  /** Its fields, or its macro, with single spaces. */
  text: string
  days: Omit<CronDays, 'lastForMissing'>
  times: TimeOfDaySet
  /** Vixie's distinction: second, minute or hour begin with `*`, so it runs as the clock goes on, not at fixed times. */
  followsClock: boolean
}

interface CronField {
  /** As errors name it. */
  name: string
  /** As node-cron names it. */
  key: 'second' | 'minute' | 'hour' | 'dayOfMonth' | 'month' | 'dayOfWeek'
  allowed: string
}

const cronFields = {
  second: { name: 'second', key: 'second', allowed: '0 to 59' },
  minute: { name: 'minute', key: 'minute', allowed: '0 to 59' },
  hour: { name: 'hour', key: 'hour', allowed: '0 to 23' },
  dayOfMonth: { name: 'day_of_month', key: 'dayOfMonth', allowed: '1 to 31, L or L-3' },
  month: { name: 'month', key: 'month', allowed: '1 to 12 or JAN to DEC' },
  dayOfWeek: { name: 'day_of_week', key: 'dayOfWeek', allowed: '0 to 7 or SUN to SAT, 1#2 or 5L' },
} as const satisfies Record<string, CronField>

const fieldOrder: readonly CronField[] = Object.values(cronFields)

const macros: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

const mostCharacters = 1000

/** A field of an expression, with where it begins. */
interface FieldText {
  text: string
  position: number
}

/** Reads a cron expression of five fields, of six that begin with seconds unless they are refused, or a macro such as `@daily`. */
export function parseCron(text: string, allowSeconds: boolean): CronParts {
  if (text.length > mostCharacters) throw scheduleProblem('cron', `longer than ${mostCharacters} characters`)
  const trimmed = text.trim().toLowerCase()
  if (trimmed.startsWith('@')) {
    const expression = Object.hasOwn(macros, trimmed) ? macros[trimmed] : undefined
    if (expression !== undefined) return { ...parseFields(fieldTexts(expression)), text: trimmed }
    const known = [...Object.keys(macros), '@every <duration>'].join(', ')
    throw scheduleProblem('cron', `${shown(text.trim())} is none of ${known}`, { position: text.indexOf('@') + 1 })
  }
  const fields = fieldTexts(text)
  const isWhole = fields.length === 5 || (allowSeconds && fields.length === 6)
  if (isWhole) return parseFields(fields)
  const wanted = allowSeconds ? 'five fields, or six with seconds first' : 'five fields'
  throw scheduleProblem('cron', `${fields.length} fields; an expression has ${wanted}`)
}

function fieldTexts(text: string): FieldText[] {
  return [...text.matchAll(/\S+/g)].map((match) => ({ text: match[0], position: match.index + 1 }))
}

function parseFields(given: readonly FieldText[]): CronParts {
  const fields = given.length === 5 ? [{ text: '0', position: 1 }, ...given] : given
  const values =
    allValues(fields) ?? fields.map((field, index) => fieldValues(fieldOrder[index] ?? cronFields.second, field))
  const numbers = (index: number): number[] => sortedNumbers(values[index] ?? [])
  const isStar = (index: number): boolean => /^[*?]/.test(fields[index]?.text ?? '')
  return {
    text: given.map((field) => field.text).join(' '),
    followsClock: isStar(0) || isStar(1) || isStar(2),
    times: new TimeOfDaySet(numbers(2), numbers(1), numbers(0)),
    days: {
      months: new Set(numbers(4)),
      daysOfMonth: new Set(numbers(3)),
      daysBeforeMonthEnd: new Set(words(values[3]).map((word) => Number(word.slice(2)))),
      weekdays: new Set(numbers(5).map(mondayFirst)),
      weekdaysOfMonth: words(values[5]).map(weekdayOfMonth),
      either: !isStar(3) && !isStar(5),
    },
  }
}

/** What an item of a field may be besides what node-cron makes numbers of. */
const wordPattern = { dayOfMonth: /^L(-[1-9]|-[12]\d|-30)?$/i, dayOfWeek: /^[0-7](#[1-5]|L)$/i }

type FieldValues = readonly (number | string)[]

/** The values of all fields; undefined where an item is wrong, or where node-cron sees that day and month never meet. */
function allValues(fields: readonly FieldText[]): FieldValues[] | undefined {
  const parsed = parsedFields(fields.map(({ text }) => text))
  if (parsed === undefined) return undefined
  const values = fieldOrder.map(({ key }) => parsed[key])
  return values.every((items, index) => areUnderstood(items, fieldOrder[index])) ? values : undefined
}

/** The values of a field. The items are read one by one, so that an error can name the one. */
function fieldValues(field: CronField, given: FieldText): FieldValues {
  let position = given.position
  return given.text.split(',').flatMap((item) => {
    const parsed = item === '' ? undefined : parsedFields(fieldOrder.map(({ key }) => (key === field.key ? item : '*')))
    const values = parsed?.[field.key]
    if (values === undefined || !areUnderstood(values, field)) {
      const message = item === '' ? 'an item of the list is empty' : `${shown(item)} is not of ${field.allowed}`
      throw scheduleProblem(`cron.${field.name}`, message, { position })
    }
    position += item.length + 1
    return values
  })
}

function parsedFields(texts: readonly string[]): ReturnType<typeof parse> | undefined {
  try {
    return parse(texts.join(' '))
  } catch {
    return undefined
  }
}

function areUnderstood(values: FieldValues, field: CronField | undefined): boolean {
  const pattern = field?.key === 'dayOfMonth' || field?.key === 'dayOfWeek' ? wordPattern[field.key] : undefined
  return values.every((value) => typeof value === 'number' || pattern?.test(value))
}

function sortedNumbers(values: FieldValues): number[] {
  return [...new Set(values.filter((value) => typeof value === 'number'))].sort((a, b) => a - b)
}

function words(values: FieldValues | undefined): string[] {
  return (values ?? []).filter((value) => typeof value === 'string')
}

/** Cron counts from 0 for Sunday, and calls it 7 too. */
function mondayFirst(weekday: number): number {
  return (weekday + 6) % 7
}

function weekdayOfMonth(word: string): { weekday: number; ordinal: number } {
  return { weekday: mondayFirst(Number(word[0])), ordinal: word[1] === '#' ? Number(word[2]) : -1 }
}
