import { describe, expect, it } from 'vitest'
import type { Recording } from '../history/recording.ts'
import type {
  OccurrenceRecord,
  RequestRecord,
  ScheduleExpectation,
  ScheduleRecord,
  TickEvent,
} from '../history/schedule-record.ts'
import { recordingOf } from './_history.ts'
import { allChecks } from './all-checks.ts'
import { attempts } from './attempts.ts'
import type { Check } from './check.ts'
import { deliveries } from './deliveries.ts'
import { ledger } from './ledger.ts'
import { ticks } from './ticks.ts'

const webhook: ScheduleExpectation = {
  id: 'w',
  name: 'hook',
  action: 'webhook',
  firstMs: 0,
  everyMs: 1_000,
  settledMs: 1_500,
  ends: ['completed'],
  maxAttempts: 2,
}
const tick: ScheduleExpectation = { ...webhook, id: 't', name: 'tick', action: 'event', ends: ['completed', 'missed'] }

function row(schedule: ScheduleExpectation, nominalMs: number, rest: Partial<OccurrenceRecord> = {}): OccurrenceRecord {
  return {
    id: `${schedule.id}${nominalMs}`,
    scheduleId: schedule.id,
    nominalMs,
    size: 1,
    state: 'completed',
    reason: '',
    tries: 1,
    attempts: [{ number: 1, outcome: 'succeeded' }],
    ...rest,
  }
}

function request(nominalMs: number, rest: Partial<RequestRecord> = {}): RequestRecord {
  const id = `w${nominalMs}`
  const said = { receiver: 'r', path: '/hook', messageId: id, scheduleId: 'w', occurrenceId: id }
  return { ...said, scheduledMs: nominalMs, attempt: 1, offSeconds: -1, status: 200, ...rest }
}

const events: TickEvent[] = [{ id: '1.0', occurrenceId: 't0' }]
/** Two webhooks; an event, and one that was missed; the time after the settled one was skipped. */
const asPromised: ScheduleRecord = {
  schedules: [webhook, tick],
  occurrences: [
    row(webhook, 0),
    row(webhook, 1_000),
    row(webhook, 2_000, { state: 'skipped', reason: 'paused', tries: 0, attempts: [] }),
    row(tick, 0),
    row(tick, 1_000, { state: 'missed', reason: 'policy', tries: 0, attempts: [] }),
  ],
  events,
  requests: [request(0), request(1_000)],
}

function found(check: Check, rest: Partial<ScheduleRecord>): readonly string[] {
  return check.find(recorded({ ...asPromised, ...rest }))
}

function recorded(schedules: ScheduleRecord): Recording {
  return recordingOf([], { schedules })
}

/** The rows as promised, with one of them replaced. */
function withRow(replacement: OccurrenceRecord): Partial<ScheduleRecord> {
  return { occurrences: asPromised.occurrences.map((each) => (each.id === replacement.id ? replacement : each)) }
}

it('none finds anything in schedules that are as promised, or in a run without any', () => {
  const recording = recorded(asPromised)
  const { schedules: _, ...without } = recording
  for (const { find } of [ledger, deliveries, attempts, ticks]) {
    expect(find(recording)).toEqual([])
    expect(find(without)).toEqual([])
  }
  expect(allChecks).toEqual(expect.arrayContaining([ledger, deliveries, attempts, ticks]))
})

describe('ledger', () => {
  it.each<[string, Partial<ScheduleRecord>, string]>([
    [
      'a time without a row',
      { occurrences: asPromised.occurrences.slice(1) },
      'hook at 1970-01-01T00:00:00.000Z has no row',
    ],
    ['a time with two rows', { occurrences: [...asPromised.occurrences, row(webhook, 0)] }, 'has 2 rows'],
    ['a time that is none', { occurrences: [...asPromised.occurrences, row(webhook, 500)] }, 'is none of its times'],
    ['a row of several times', withRow(row(webhook, 1_000, { size: 2 })), 'stands for 2 times'],
    ['what is not over', withRow(row(webhook, 1_000, { state: 'open' })), 'is not over'],
    ['what is not over after the end', withRow(row(webhook, 2_000, { state: 'open' })), 'is not over'],
    [
      'an end that is not allowed',
      withRow(row(webhook, 1_000, { state: 'missed', reason: 'policy' })),
      'is missed (policy)',
    ],
    [
      'what is completed without success',
      withRow(row(webhook, 0, { attempts: [{ number: 1, outcome: 'failed' }] })),
      'completed without an attempt that succeeded',
    ],
    [
      'an attempt that was left open',
      withRow(
        row(webhook, 0, {
          attempts: [
            { number: 1, outcome: 'open' },
            { number: 2, outcome: 'succeeded' },
          ],
        }),
      ),
      'is over, but not its attempt',
    ],
  ])('finds %s', (_, rest, text) => {
    expect(found(ledger, rest)).toEqual([expect.stringContaining(text)])
  })
})

describe('deliveries', () => {
  it.each<[string, Partial<ScheduleRecord>, string]>([
    ['what nobody was sent', { requests: [request(0)] }, 'is completed, but no receiver took it'],
    ['what nobody took', { requests: [request(0, { status: 503 }), request(1_000)] }, 'but no receiver took it'],
    [
      'one that was sent as two messages',
      { requests: [request(0), request(0, { messageId: 'other', attempt: 2 }), request(1_000)] },
      'was sent as 2 messages',
    ],
    [
      'one that was sent as another one',
      { requests: [request(0, { occurrenceId: 'other' }), request(1_000)] },
      'was sent as the occurrence other',
    ],
    [
      'what was not to be sent',
      { requests: [request(0), request(1_000), request(2_000)] },
      'was sent, but its ledger knows of no attempt',
    ],
    ['a wrong time', { requests: [request(0), request(1_000, { offSeconds: 3_600 })] }, 'was sent with a wrong time'],
    ['no time', { requests: [request(0), request(1_000, { offSeconds: Number.NaN })] }, 'was sent with a wrong time'],
    ['what the ledger does not know', { requests: [...asPromised.requests, request(9_000)] }, 'is not in the ledger'],
    [
      'a redirect that was followed',
      { requests: [...asPromised.requests, request(0, { scheduleId: '' })] },
      "nobody's",
    ],
  ])('finds %s', (_, rest, text) => {
    expect(found(deliveries, rest)).toEqual([expect.stringContaining(text)])
  })
})

describe('attempts', () => {
  const second = request(0, { attempt: 2 })
  const third = request(0, { attempt: 3 })
  const three = [1, 2, 3].map((number) => ({ number, outcome: 'failed' as const }))
  it.each<[string, Partial<ScheduleRecord>, string]>([
    ['more than are allowed', withRow(row(webhook, 0, { tries: 3 })), 'counts 3 attempts of 2'],
    [
      'more than are allowed at the receiver',
      { ...withRow(row(webhook, 0, { attempts: three })), requests: [request(0), second, third] },
      'was sent 3 times, and 2 are allowed',
    ],
    ['one that is not in the ledger', { requests: [second] }, 'was sent as attempt 2, which is not in the ledger'],
    ['one that was made twice', { requests: [request(0), request(0)] }, 'was sent 2 times as attempt 1'],
    [
      'what was given up too soon',
      withRow(row(webhook, 0, { state: 'failed', reason: 'attempts', tries: 1 })),
      'was given up after 1 attempts of 2',
    ],
  ])('finds %s', (_, rest, text) => {
    expect(found(attempts, rest)).toEqual([expect.stringContaining(text)])
  })
})

describe('ticks', () => {
  it.each<[string, Partial<ScheduleRecord>, string]>([
    ['an event that is missing', { events: [] }, 'is completed, and has 0 events'],
    ['two events', { events: [...events, ...events] }, 'is completed, and has 2 events'],
    [
      'an event of what was missed',
      { events: [...events, { id: '2.0', occurrenceId: 't1000' }] },
      'is missed, and has 1 events',
    ],
    ['an event of nobody', { events: [...events, { id: '2.0', occurrenceId: 'x' }] }, 'is not in the ledger'],
  ])('finds %s', (_, rest, text) => {
    expect(found(ticks, rest)).toEqual([expect.stringContaining(text)])
  })
})
