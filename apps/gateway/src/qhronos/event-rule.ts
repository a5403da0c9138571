import { isDeepStrictEqual } from 'node:util'
import type { Schedule } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { EventInput } from './event-body.ts'

/** The rule of an event as a schedule has it. */
export interface EventRule {
  readonly rule: string
  readonly startTime: string | undefined
}

type RuleInput = NonNullable<EventInput['schedule']>

const recurrence = /^(RRULE:|FREQ=|DTSTART)/i
/** The start of a recurrence, where it is a moment. */
const ownMoment = /\bDTSTART\b[^:\n]*:(\d{8})T(\d{6})Z/i
/** How a time ends that is a moment, in whatever zone. */
const zoned = /(?:Z|[+-]\d\d:?\d\d)$/i

/**
 * The rule of what a client sent: a cron text, a recurrence, an object, or none, which is once at the start.
 *
 * @throws QError `invalid_request`
 */
export function ruleOf({ schedule, startTime }: Pick<EventInput, 'schedule' | 'startTime'>): EventRule {
  if (schedule === undefined) {
    if (startTime === undefined) throw missing('start_time is required')
    return { rule: startTime, startTime: undefined }
  }
  if (typeof schedule === 'string') {
    if (recurrence.test(schedule)) return recurrenceOf(schedule, startTime)
    assertFiveFields(schedule)
    // Of cron a start is a bound, which has to be said with it. One that was given beside the rule comes first in it.
    if (startTime === undefined) return { rule: schedule, startTime: undefined }
    return { rule: JSON.stringify({ start: startTime, cron: schedule }), startTime: undefined }
  }
  if (startsItself(schedule)) {
    const { start } = schedule
    const isMoment = typeof start === 'string' && zoned.test(start)
    if (isMoment && startTime !== undefined) assertStart(startTime, momentOf(start))
    return { rule: JSON.stringify(schedule), startTime: undefined }
  }
  if ('frequency' in schedule && startTime === undefined) throw missing('start_time is required')
  if (!('frequency' in schedule) && startTime !== undefined) {
    return { rule: JSON.stringify({ start: startTime, ...schedule }), startTime: undefined }
  }
  return { rule: JSON.stringify(schedule), startTime }
}

/** A recurrence as text. A start of its own that is a moment is compared; a local one has what is read of it sent back as another. */
function recurrenceOf(text: string, startTime: string | undefined): EventRule {
  if (!startsItself(text)) return { rule: text, startTime }
  const [, date, time] = ownMoment.exec(text) ?? []
  if (startTime !== undefined && date !== undefined && time !== undefined) {
    const start = `${date.replace(/(....)(..)/, '$1-$2-')}T${time.replace(/(..)(..)/, '$1:$2:')}Z`
    assertStart(startTime, momentOf(start))
  }
  return { rule: text, startTime: undefined }
}

/** Whether a schedule says itself when it starts. */
function startsItself(schedule: RuleInput): boolean {
  return typeof schedule === 'string' ? /\bDTSTART\b/i.test(schedule) : 'start' in schedule
}

/** Checks that a start which is given besides is the one that the schedule has. */
function assertStart(given: string, start: string | undefined): void {
  if (momentOf(given) === start) return
  throw new QError('invalid_request', 'the schedule says itself when it starts; change it there', {
    field: 'start_time',
  })
}

/**
 * The rule of an event after a change.
 *
 * @param own what the event says itself, whatever a field says
 * @throws QError `invalid_request`
 */
export function ruleAfter(
  before: Pick<Schedule, 'rule' | 'ruleSpec'>,
  own: string,
  input: Pick<EventInput, 'schedule' | 'startTime'>,
): EventRule {
  const asBefore = { ...keptRule(before), rule: own }
  if (input.schedule === undefined && input.startTime === undefined) return asBefore
  // What is known of a rule beyond its text is known of the one that counts.
  const { schedule, startTime } = readRule(own, own === before.rule ? before.ruleSpec : '{}')
  const kept = schedule === null ? undefined : (schedule as RuleInput)
  const wanted = input.schedule ?? kept
  if (wanted === undefined || !startsItself(wanted)) {
    return ruleOf({ schedule: wanted, startTime: input.startTime ?? startTime })
  }
  if (!isDeepStrictEqual(wanted, kept)) return ruleOf({ schedule: wanted, startTime: input.startTime })
  if (input.startTime !== undefined) assertStart(input.startTime, startTime)
  return asBefore
}

/** The seconds that a sixth field would be are not Qhronos'. `@daily` and the like, and intervals, are. */
function assertFiveFields(cron: string): void {
  if (cron.startsWith('@') || cron.trim().split(/\s+/).length === 5) return
  throw new QError('invalid_schedule', 'invalid schedule format: a cron text has five fields', { field: 'schedule' })
}

function missing(message: string): QError {
  return new QError('invalid_request', message, { field: 'start_time' })
}

/** The rule as the client sent it, and when it starts; null for one that fires once. */
export function readRule(rule: string, spec: string): { schedule: unknown; startTime: string | undefined } {
  const { start, at } = JSON.parse(spec) as { start?: string; at?: string }
  if (at !== undefined) return { schedule: null, startTime: momentOf(rule) ?? momentOf(at) }
  const startTime = start === undefined ? undefined : momentOf(start)
  if (!rule.startsWith('{')) return { schedule: rule, startTime }
  const given = JSON.parse(rule) as Record<string, unknown>
  const isBeside = Object.keys(given)[0] === 'start'
  const { start: _, ...sent } = given
  if (!isBeside) return { schedule: given, startTime }
  const isText = typeof sent['cron'] === 'string' && Object.keys(sent).length === 1
  return { schedule: isText ? sent['cron'] : sent, startTime }
}

/** The rule of a schedule for a put that leaves it as it is: with another start it would be another rule. */
function keptRule({ rule, ruleSpec }: Pick<Schedule, 'rule' | 'ruleSpec'>): EventRule {
  const { start, at } = JSON.parse(ruleSpec) as { start?: string; at?: string }
  const isWithin = startsItself(rule.startsWith('{') ? (JSON.parse(rule) as Record<string, unknown>) : rule)
  const isApart = start !== undefined && at === undefined && !isWithin
  return { rule, startTime: isApart ? momentOf(start) : undefined }
}

/** The zone of a schedule that its rule does not name itself; empty: UTC. */
export function ownZone({ rule, timezone }: Pick<Schedule, 'rule' | 'timezone'>): string {
  const isNamed = rule.startsWith('{') ? 'timezone' in (JSON.parse(rule) as object) : /\bTZID=/i.test(rule)
  return isNamed || timezone === 'UTC' ? '' : timezone
}

/** A moment in the one way that it is written; undefined for what is none. */
function momentOf(text: string): string | undefined {
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
