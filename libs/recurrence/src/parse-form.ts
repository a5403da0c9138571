import { parseCron } from './parse-cron.ts'
import { durationText, parseDuration } from './parse-duration.ts'
import { frequencyMembers, parseFrequency } from './parse-frequency.ts'
import type { ParsedRecurrence } from './parse-rrule.ts'
import { parseRecurrenceText } from './parse-rrule-text.ts'
import { isWithinDay } from './recurrence-parts.ts'
import { recurrenceText } from './recurrence-text.ts'
import type { RuleForm, RuleSpec } from './rule.ts'
import { scheduleProblem, shown } from './schedule-problem.ts'
import { parseTime, timeText, type TimeValue } from './time-value.ts'

/** One form of rule, read, and what its text said beyond the form. */
export interface ParsedForm extends Partial<Omit<ParsedRecurrence, 'parts'>> {
  /** The member of the input that it came from. */
  member: string
  form: RuleForm
  spec: Pick<RuleSpec, 'at' | 'cron' | 'rrule' | 'every' | 'anchor'>
  /** Whether it repeats as the clock goes on, so that a clock change neither repeats nor leaves out anything. */
  followsClock: boolean
  /** Of one time, and of an interval. */
  at?: TimeValue
  anchor?: TimeValue
  start?: TimeValue
  timezone?: string
  excluded: readonly TimeValue[]
  included: readonly TimeValue[]
}

type Members = Readonly<Record<string, unknown>>

const forms = ['at', 'cron', 'rrule', 'every', 'frequency'] as const
const generalMembers = [
  'timezone',
  'start',
  'end',
  'until',
  'count',
  'exclude',
  'include',
  'jitter',
  'gap',
  'fold',
  'month_end',
]
const leastIntervalMs = 1000
const mostIntervalMs = 100 * 366 * 86_400_000

/** Reads the one form that an input has. */
export function parseForm(members: Members, options: { cronSeconds: boolean }): ParsedForm {
  const given = forms.filter((name) => !isAbsent(members[name]))
  const [name, another] = given
  if (name === undefined) throw scheduleProblem('schedule', `has none of ${forms.join(', ')}`)
  if (another !== undefined) throw scheduleProblem(another, `is given beside ${name}; a rule has one form`)
  refuseUnknown(members, name)
  if (name === 'at') return onceForm(members)
  if (name === 'every') return intervalForm(members, members[name], 'every')
  if (name === 'frequency') return recurrenceForm('frequency', { parts: parseFrequency(members) })
  const text = members[name]
  if (typeof text !== 'string') throw scheduleProblem(name, `${shown(text)} is no text`)
  if (name === 'rrule') {
    const { parts, count, until, lastForMissing, start, timezone, excluded, included } = parseRecurrenceText(text)
    return {
      ...recurrenceForm('rrule', { parts }),
      ...present({ count, until, lastForMissing, start, timezone }),
      excluded,
      included,
    }
  }
  const every = /^\s*@every\s+(\S+)\s*$/i.exec(text)?.[1]
  if (every !== undefined) return intervalForm(members, every.toLowerCase(), 'cron')
  if (!isAbsent(members['anchor'])) throw scheduleProblem('anchor', 'belongs to a rule with every')
  return cronForm(text, options.cronSeconds)
}

function refuseUnknown(members: Members, form: (typeof forms)[number]): void {
  const known = new Set([form, ...generalMembers])
  if (form === 'frequency') for (const name of frequencyMembers) known.add(name)
  if (form === 'every' || form === 'cron') known.add('anchor')
  if (form === 'at') for (const name of ['start', 'end', 'until', 'count']) known.delete(name)
  for (const name of Object.keys(members)) {
    if (known.has(name) || isAbsent(members[name])) continue
    throw scheduleProblem(name, `does not belong to a rule with ${form}`)
  }
}

function onceForm(members: Members): ParsedForm {
  const at = parseTime(members['at'], 'at')
  return { ...emptyForm('at', { kind: 'once' }), spec: { at: timeText(at) }, at }
}

function cronForm(text: string, cronSeconds: boolean): ParsedForm {
  const cron = parseCron(text, cronSeconds)
  return {
    ...emptyForm('cron', { kind: 'cron', cron }),
    spec: { cron: cron.text },
    followsClock: cron.followsClock,
  }
}

function intervalForm(members: Members, duration: unknown, member: string): ParsedForm {
  const everyMs = parseDuration(duration, member, { leastMs: leastIntervalMs, mostMs: mostIntervalMs })
  const anchor = isAbsent(members['anchor']) ? undefined : parseTime(members['anchor'], 'anchor')
  return {
    ...emptyForm(member, { kind: 'interval', everyMs }),
    spec: { every: durationText(everyMs), ...(anchor === undefined ? {} : { anchor: timeText(anchor) }) },
    ...present({ anchor }),
  }
}

function recurrenceForm(member: string, { parts }: Pick<ParsedRecurrence, 'parts'>): ParsedForm {
  return {
    ...emptyForm(member, { kind: 'recurrence', parts }),
    spec: { rrule: recurrenceText(parts) },
    followsClock: isWithinDay(parts.frequency),
  }
}

function emptyForm(member: string, form: RuleForm): ParsedForm {
  return { member, form, spec: {}, followsClock: false, excluded: [], included: [] }
}

/** JSON without undefined says null. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null
}

/** The members that are there. */
function present<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Name in keyof T]?: Exclude<T[Name], undefined> }
}
