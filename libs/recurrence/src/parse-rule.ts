import { QError } from '@qcore/errors'
import type { ClockPolicy, FoldPolicy, GapPolicy } from './clock-sequence.ts'
import { durationText, parseDuration } from './parse-duration.ts'
import { isAbsent, parseForm, type ParsedForm } from './parse-form.ts'
import { mostCount } from './parse-rrule.ts'
import { isRecurrenceText } from './parse-rrule-text.ts'
import { buildMoments, earliestMs, type Bounds } from './rule-moments.ts'
import type { MonthEndPolicy, Rule, RuleSpec } from './rule.ts'
import { scheduleProblem, shown } from './schedule-problem.ts'
import { parseTime, spanOfTime, timeText, type TimeValue } from './time-value.ts'
import { ianaTimeZones, type TimeZone, type TimeZoneSource } from './time-zone.ts'

/** What the caller adds to the input. */
export interface ParseOptions {
  /** The zone of an input that names none; UTC by default. */
  timezone?: string
  /** The start of a repeating input that has none. */
  startMs?: number
  /** Whether a cron expression may have a sixth field, of seconds; it may by default. */
  cronSeconds?: boolean
  /** The IANA data of the runtime by default. */
  zones?: TimeZoneSource
}

const mostAmendments = 1000
const dayMs = 86_400_000
/** Some rules are counted day by day, from their start to the time of the question. */
const earliestCountedMs = Date.UTC(1900, 0, 1)

/**
 * Reads a rule: a text (cron, `@every 5m`, RFC 5545, or a time), an object with one of `cron`, `rrule`, `every`, `at` or
 * `frequency`, or the spec of another rule. Throws `invalid_schedule`, which names the part, or `schedule_never_fires`.
 */
export function parseRule(input: unknown, options: ParseOptions = {}): Rule {
  const members = membersOf(input)
  const form = parseForm(members, { cronSeconds: options.cronSeconds ?? true })
  const bounds = readBounds(members, form, options)
  const policy: ClockPolicy & { monthEnd: MonthEndPolicy } = {
    gap: choice<GapPolicy>(members, 'gap', ['shift', 'skip']) ?? (form.followsClock ? 'skip' : 'shift'),
    fold: choice<FoldPolicy>(members, 'fold', ['first', 'second', 'both']) ?? (form.followsClock ? 'both' : 'first'),
    monthEnd:
      choice<MonthEndPolicy>(members, 'month_end', ['skip', 'last']) ??
      (form.lastForMissing === true ? 'last' : 'skip'),
  }
  const { jitter } = members
  const jitterMs = isAbsent(jitter) ? 0 : parseDuration(jitter, 'jitter', { leastMs: 0, mostMs: dayMs })
  const moments = buildMoments(form, bounds, policy)
  if (moments.next(earliestMs) === undefined) {
    throw new QError('schedule_never_fires', `${form.member}: the rule has no occurrence`, { field: form.member })
  }
  return { spec: specOf(form, bounds, { ...policy, jitterMs }), form: form.form, policy, jitterMs, moments }
}

/** The input as an object; a text is of the form that it looks like. */
function membersOf(input: unknown): Readonly<Record<string, unknown>> {
  if (typeof input === 'string') return membersOfText(input)
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Record<string, unknown>
  throw scheduleProblem('schedule', `${shown(input)} is neither a text nor an object`)
}

function membersOfText(text: string): Readonly<Record<string, unknown>> {
  if (isRecurrenceText(text)) return { rrule: text }
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) return { at: text }
  return { cron: text }
}

function readBounds(members: Readonly<Record<string, unknown>>, form: ParsedForm, options: ParseOptions): Bounds {
  const zone = readZone(members, form, options)
  const defaultStart = form.form.kind === 'once' ? undefined : momentOf(options.startMs)
  const start = oneTime(members, 'start', form.start) ?? defaultStart
  const end = endOf(members, form)
  const count = countOf(members, form)
  if (count !== undefined && start === undefined) throw scheduleProblem('count', 'needs a start to count from')
  if (count !== undefined && start !== undefined && spanOfTime(start, zone).firstMs < earliestCountedMs) {
    throw scheduleProblem('count', 'is counted from the start, which has to be in 1900 or later')
  }
  return {
    zone,
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(count === undefined ? {} : { count }),
    excluded: [...form.excluded, ...timeList(members, 'exclude')],
    included: [...form.included, ...timeList(members, 'include')],
  }
}

function readZone(members: Readonly<Record<string, unknown>>, form: ParsedForm, options: ParseOptions): TimeZone {
  const { timezone } = members
  if (!isAbsent(timezone) && typeof timezone !== 'string') {
    throw scheduleProblem('timezone', `${shown(timezone)} is no text`)
  }
  if (form.timezone !== undefined && !isAbsent(timezone) && timezone !== form.timezone) {
    throw scheduleProblem('timezone', `${shown(timezone)}, where the rule has TZID ${shown(form.timezone)}`)
  }
  const id = form.timezone ?? timezone ?? options.timezone ?? 'UTC'
  const zone = (options.zones ?? ianaTimeZones)(id)
  if (zone === undefined) throw scheduleProblem('timezone', `${shown(id)} is no IANA time zone such as Europe/London`)
  return zone
}

/** A time that may be given beside a rule or within its text, not both. */
function oneTime(
  members: Readonly<Record<string, unknown>>,
  name: string,
  within: TimeValue | undefined,
): TimeValue | undefined {
  if (isAbsent(members[name])) return within
  if (within !== undefined) throw scheduleProblem(name, 'is in the text of the rule too')
  return parseTime(members[name], name)
}

function momentOf(atMs: number | undefined): TimeValue | undefined {
  return atMs === undefined ? undefined : { kind: 'moment', atMs }
}

function endOf(members: Readonly<Record<string, unknown>>, form: ParsedForm): TimeValue | undefined {
  if (isAbsent(members['until'])) return oneTime(members, 'end', form.until)
  if (!isAbsent(members['end'])) throw scheduleProblem('until', 'is the same as end; give one of them')
  return oneTime(members, 'until', form.until)
}

function countOf(members: Readonly<Record<string, unknown>>, form: ParsedForm): number | undefined {
  const { count } = members
  if (isAbsent(count)) return form.count
  if (form.count !== undefined) throw scheduleProblem('count', 'is in the text of the rule too')
  if (typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= mostCount) return count
  throw scheduleProblem('count', `${shown(count)} is no whole number from 1 to ${mostCount}`)
}

function timeList(members: Readonly<Record<string, unknown>>, name: string): TimeValue[] {
  const value = members[name]
  if (isAbsent(value)) return []
  if (!Array.isArray(value)) throw scheduleProblem(name, `${shown(value)} is no list`)
  if (value.length > mostAmendments) throw scheduleProblem(name, `has more than ${mostAmendments} times`)
  return value.map((item, index) => parseTime(item, `${name}[${index}]`))
}

function choice<T extends string>(
  members: Readonly<Record<string, unknown>>,
  name: string,
  allowed: readonly T[],
): T | undefined {
  const value = members[name]
  if (isAbsent(value)) return undefined
  const found = allowed.find((item) => item === value)
  if (found !== undefined) return found
  throw scheduleProblem(name, `${shown(value)} is none of ${allowed.join(', ')}`)
}

function specOf(
  form: ParsedForm,
  bounds: Bounds,
  policy: ClockPolicy & { monthEnd: MonthEndPolicy; jitterMs: number },
): RuleSpec {
  const { start, end, count, excluded, included } = bounds
  return {
    ...form.spec,
    timezone: bounds.zone.id,
    ...(start === undefined ? {} : { start: timeText(start) }),
    ...(end === undefined ? {} : { end: timeText(end) }),
    ...(count === undefined ? {} : { count }),
    ...(excluded.length === 0 ? {} : { exclude: excluded.map(timeText) }),
    ...(included.length === 0 ? {} : { include: included.map(timeText) }),
    ...(policy.jitterMs === 0 ? {} : { jitter: durationText(policy.jitterMs) }),
    gap: policy.gap,
    fold: policy.fold,
    month_end: policy.monthEnd,
  }
}
