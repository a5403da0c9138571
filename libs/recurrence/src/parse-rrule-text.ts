import { parseRecurrence, type ParsedRecurrence } from './parse-rrule.ts'
import { scheduleProblem, shown } from './schedule-problem.ts'
import { parseBasicTime, type TimeValue } from './time-value.ts'

/** The lines of a calendar that make a recurrence (RFC 5545): RRULE, DTSTART, EXDATE, RDATE. */
export interface RecurrenceText extends ParsedRecurrence {
  start?: TimeValue
  timezone?: string
  excluded: TimeValue[]
  included: TimeValue[]
}

interface Line {
  name: string
  parameters: ReadonlyMap<string, string>
  value: string
  /** Where the value begins, from 1. */
  position: number
}

const mostCharacters = 30_000
const linePattern = /^([A-Za-z]+)((?:;[^:=;]+=[^:;]+)*):(.*)$/

/** Whether a text is meant as a recurrence rule. */
export function isRecurrenceText(text: string): boolean {
  return /^\s*((RRULE|DTSTART|EXDATE|RDATE|EXRULE)\b|[A-Za-z]+=)/i.test(text)
}

/** Reads `FREQ=…`, `RRULE:FREQ=…`, or several lines of which one is the rule. */
export function parseRecurrenceText(text: string): RecurrenceText {
  if (text.length > mostCharacters) throw scheduleProblem('rrule', `longer than ${mostCharacters} characters`)
  const lines = readLines(text)
  const rules = lines.filter((line) => line.name === 'RRULE')
  const [rule, another] = rules
  if (rule === undefined) throw scheduleProblem('rrule', 'the text has no RRULE')
  if (another !== undefined) throw scheduleProblem('rrule', 'more than one RRULE', another)
  const result: RecurrenceText = { ...parseRecurrence(rule.value, rule.position), excluded: [], included: [] }
  for (const line of lines) readLine(line, result)
  return result
}

function readLine(line: Line, result: RecurrenceText): void {
  switch (line.name) {
    case 'RRULE':
      return
    case 'DTSTART':
      if (result.start !== undefined) throw scheduleProblem('rrule.DTSTART', 'given twice', line)
      result.start = firstTime(line, result)
      return
    case 'EXDATE':
      result.excluded.push(...times(line, result))
      return
    case 'RDATE':
      result.included.push(...times(line, result))
      return
    default:
      throw scheduleProblem(`rrule.${line.name}`, 'is none of RRULE, DTSTART, EXDATE, RDATE', line)
  }
}

function firstTime(line: Line, result: RecurrenceText): TimeValue {
  const [first, another] = times(line, result)
  if (first !== undefined && another === undefined) return first
  throw scheduleProblem('rrule.DTSTART', 'is more than one time', line)
}

function times(line: Line, result: RecurrenceText): TimeValue[] {
  const field = `rrule.${line.name}`
  for (const [name, value] of line.parameters) {
    if (name === 'TZID') {
      if (result.timezone !== undefined && result.timezone !== value) {
        throw scheduleProblem(field, `TZID ${shown(value)}, where another line has ${shown(result.timezone)}`, line)
      }
      result.timezone = value
    } else if (name !== 'VALUE' || !['DATE', 'DATE-TIME'].includes(value.toUpperCase())) {
      throw scheduleProblem(field, `${shown(`${name}=${value}`)} is no parameter that is understood here`, line)
    }
  }
  let { position } = line
  return line.value.split(',').map((text) => {
    const time = parseBasicTime(text.toUpperCase(), field, { position })
    position += text.length + 1
    return time
  })
}

function readLines(text: string): Line[] {
  const lines: Line[] = []
  for (const match of text.matchAll(/[^\r\n]+/g)) {
    const trimmed = match[0].trim()
    if (trimmed === '') continue
    const position = match.index + match[0].indexOf(trimmed) + 1
    lines.push(readProperty(trimmed, position))
  }
  return lines
}

function readProperty(text: string, position: number): Line {
  if (/^[A-Za-z]+=/.test(text)) return { name: 'RRULE', parameters: new Map(), value: text, position }
  const [, name, parameterText, value] = linePattern.exec(text) ?? []
  if (name === undefined || parameterText === undefined || value === undefined) {
    throw scheduleProblem('rrule', `${shown(text)} is no line such as RRULE:FREQ=DAILY`, { position })
  }
  const parameters = new Map(
    parameterText
      .split(';')
      .slice(1)
      .map((item): [string, string] => {
        const equals = item.indexOf('=')
        return [item.slice(0, equals).toUpperCase(), item.slice(equals + 1)]
      }),
  )
  return { name: name.toUpperCase(), parameters, value, position: position + text.length - value.length }
}
