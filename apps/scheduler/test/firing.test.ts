import { randomUUID } from 'node:crypto'
import { timestampDate, timestampFromMs } from '@bufbuild/protobuf/wkt'
import { createClient } from '@connectrpc/connect'
import {
  AccessLevel,
  AttemptOutcome,
  CatchUpPolicy,
  OccurrenceCause,
  OccurrenceService,
  OccurrenceState,
  ScheduleService,
  ScheduleState,
} from '@qcore/contracts'
import type { Service } from '@qcore/service'
import { fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { countStates, emitTick, patience, startStore, type PutInit, type TestStore } from './_store.ts'

let store: TestStore
let scheduler: Service

beforeAll(async () => {
  store = await startStore()
  scheduler = await store.startScheduler()
})

afterAll(async () => {
  await scheduler[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const completed = (state: OccurrenceState): boolean => state === OccurrenceState.COMPLETED

async function whenCompleted(id: string, count: number): ReturnType<TestStore['list']> {
  return vi.waitFor(async () => {
    const done = (await store.list(id)).filter(({ state }) => completed(state))
    expect(done.length).toBeGreaterThanOrEqual(count)
    return done
  }, patience)
}

async function problemOf(call: Promise<unknown>): Promise<{ code: string | undefined; field: string | undefined }> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => fromConnectError(reason),
  )
  return { code: error?.code, field: error?.field }
}

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString()
}

describe('a schedule that emits', () => {
  it('emits one event a tick, each completed in the ledger with its attempt', async () => {
    const id = await store.put({ name: 'seconds' })
    const done = await whenCompleted(id, 3)
    await store.schedules.pauseSchedule({ schedule: { schedule: { id } } })
    const events = await store.eventsOf(id)
    expect(events[0]).toMatchObject({ type: 'tick', payload: '{"n":1}', producer: 'scheduler' })
    const nominals = done.map(({ nominalTime }) => Number(nominalTime?.seconds))
    expect(nominals).toEqual(nominals.map((_, index) => (nominals[0] ?? 0) + index))
    const [first] = done
    const { occurrence } = await store.occurrences.getOccurrence({ occurrenceId: first?.id ?? '' })
    expect(occurrence).toMatchObject({ attemptCount: 1, scheduleId: id, reason: '', error: '' })
    expect(occurrence?.attempts).toMatchObject([{ number: 1, outcome: AttemptOutcome.SUCCEEDED }])
    expect(occurrence?.attempts[0]?.result).toBe(`event ${events[0]?.revision}.0`)
  })

  it('says of its events what it was given', async () => {
    const said = { orderKey: 'tank-1', attributes: { subject: 'tank' } }
    const expiry = { case: 'lifetimeMs' as const, value: 60_000n }
    const action = { kind: { case: 'emitEvent' as const, value: { namespace: 'demo', type: 'tick', ...said, expiry } } }
    const id = await store.put({ rule: inMs(200), action })
    await whenCompleted(id, 1)
    const { rows } = await store.pool.query<{ orderKey: string; attributes: string; isGoodForAMinute: boolean }>(
      `select order_key as "orderKey", attributes, expires_us = emitted_us + 60000000 as "isGoodForAMinute"
       from ${store.env['Q_STORE']}.event where correlation_id = $1`,
      [id],
    )
    expect(rows).toMatchObject([{ orderKey: 'tank-1', isGoodForAMinute: true }])
    expect(rows[0]?.attributes).toContain('tank')
  })

  it('of one time fires then, and has ended', async () => {
    const id = await store.put({ rule: inMs(700) })
    expect((await store.read(id)).state).toBe(ScheduleState.ACTIVE)
    const [done] = await whenCompleted(id, 1)
    expect(done?.cause).toBe(OccurrenceCause.SCHEDULED)
    expect(timestampDate(done?.startTime ?? timestampFromMs(0)).getTime()).toBeGreaterThanOrEqual(
      timestampDate(done?.nominalTime ?? timestampFromMs(0)).getTime(),
    )
    const schedule = await store.read(id)
    expect(schedule).toMatchObject({ state: ScheduleState.ENDED })
    expect(schedule.nextTime).toBeUndefined()
    expect(schedule.lastTime).toEqual(done?.nominalTime)
  })

  it('that is deleted, or paused, before its time does not fire', async () => {
    const deleted = await store.put({ rule: inMs(1_500) })
    const paused = await store.put({ rule: inMs(1_500) })
    const later = await store.put({ rule: inMs(2_500) })
    await store.schedules.deleteSchedule({ schedule: { schedule: { id: deleted } } })
    await store.schedules.pauseSchedule({ schedule: { schedule: { id: paused } } })
    await whenCompleted(later, 1)
    expect(await store.eventsOf(deleted)).toEqual([])
    expect(await store.eventsOf(paused)).toEqual([])
    expect(await store.list(deleted)).toMatchObject([{ state: OccurrenceState.CANCELLED, reason: 'deleted' }])
    expect(await store.list(paused)).toMatchObject([{ state: OccurrenceState.SKIPPED, reason: 'paused' }])
  })

  it('whose namespace nobody may emit in any more fails with the reason', async () => {
    const id = await store.put({ rule: inMs(60_000) })
    // As if the event had become invalid since it was put.
    const { rows } = await store.pool.query<{ definition: Buffer }>('select definition from schedule where id = $1', [
      id,
    ])
    const definition = Buffer.from(rows[0]?.definition.toString('latin1').replace('tick', 't!ck') ?? '', 'latin1')
    await store.pool.query('update schedule set definition = $2 where id = $1', [id, definition])
    const { occurrence } = await store.schedules.runSchedule({ schedule: { id } })
    await vi.waitFor(async () => {
      const found = await store.occurrences.getOccurrence({ occurrenceId: occurrence?.id ?? '' })
      expect(found.occurrence).toMatchObject({ state: OccurrenceState.FAILED, reason: 'refused', attemptCount: 1 })
      expect(found.occurrence?.error).toContain('invalid_request')
    }, patience)
  })
})

describe('running now', () => {
  it('fires once a key, also a paused schedule', async () => {
    const id = await store.put({ rule: '0 0 1 1 *', paused: true })
    const idempotencyKey = randomUUID()
    const first = await store.schedules.runSchedule({ schedule: { id }, idempotencyKey })
    const second = await store.schedules.runSchedule({ schedule: { id }, idempotencyKey })
    expect(second.occurrence?.id).toBe(first.occurrence?.id)
    const [done] = await whenCompleted(id, 1)
    expect(done?.cause).toBe(OccurrenceCause.MANUAL)
    await store.schedules.runSchedule({ schedule: { id } })
    await whenCompleted(id, 2)
    expect(await store.eventsOf(id)).toHaveLength(2)
  })

  it('needs level write', async () => {
    const id = await store.put({ rule: '0 0 1 1 *' })
    const transport = await store.transportOf(AccessLevel.READ)
    const reading = createClient(ScheduleService, transport)
    const schedule = { id }
    for (const call of [
      () => reading.runSchedule({ schedule }),
      () => reading.pauseSchedule({ schedule: { schedule } }),
      () =>
        reading.putSchedule({
          schedule: {
            namespace: 'demo',
            rule: '@daily',
            action: { kind: { case: 'emitEvent', value: { namespace: 'demo', type: 'a' } } },
          },
        }),
      () => reading.backfillSchedule({ schedule, fromTime: timestampFromMs(0), toTime: timestampFromMs(1) }),
      () => createClient(OccurrenceService, transport).cancelOccurrence({ schedule, nominalTime: timestampFromMs(0) }),
    ]) {
      expect((await problemOf(call())).code).toBe('permission_denied')
    }
    expect((await reading.getSchedule({ schedule })).schedule?.id).toBe(id)
  })
})

describe('one occurrence', () => {
  it('is cancelled, or moved, and the others fire as before', async () => {
    const id = await store.put({ rule: '{"every": "PT2S"}' })
    const next = await vi.waitFor(async () => {
      const coming = (await store.list(id)).filter(
        ({ nominalTime }) => Number(nominalTime?.seconds) * 1_000 > Date.now() + 4_000,
      )
      expect(coming.length).toBeGreaterThan(2)
      return coming
    }, patience)
    const [cancelled, moved, kept] = next
    const schedule = { id }
    await store.occurrences.cancelOccurrence({ schedule, nominalTime: cancelled?.nominalTime ?? timestampFromMs(0) })
    await store.occurrences.moveOccurrence({
      schedule,
      nominalTime: moved?.nominalTime ?? timestampFromMs(0),
      dueTime: timestampFromMs(Date.now()),
    })
    const done = await vi.waitFor(async () => {
      const found = (await store.list(id)).filter(({ state }) => completed(state))
      expect(found.map(({ id: occurrenceId }) => occurrenceId)).toContain(kept?.id)
      return found
    }, patience)
    expect(done.map(({ id: occurrenceId }) => occurrenceId)).not.toContain(cancelled?.id)
    const early = done.find(({ id: occurrenceId }) => occurrenceId === moved?.id)
    expect(Number(early?.startTime?.seconds)).toBeLessThan(Number(moved?.nominalTime?.seconds))
    const nominalTime = moved?.nominalTime ?? timestampFromMs(0)
    expect((await problemOf(store.occurrences.cancelOccurrence({ schedule, nominalTime }))).code).toBe(
      'occurrence_over',
    )
    await store.schedules.deleteSchedule({ schedule: { schedule } })
  })

  it('that the rule does not have is not known', async () => {
    const id = await store.put({ rule: '0 0 1 1 *' })
    const nominalTime = timestampFromMs(Date.now() + 100_000)
    const call = store.occurrences.cancelOccurrence({ schedule: { id }, nominalTime })
    expect(await problemOf(call)).toEqual({ code: 'unknown_occurrence', field: 'nominal_time' })
  })
})

describe('a backfill', () => {
  it('fires what a span of the past would have had, once, and again only if asked', async () => {
    const id = await store.put({ rule: '0 * * * *', paused: true })
    const fromTime = timestampFromMs(Date.parse('2026-01-01T00:00:00Z'))
    const toTime = timestampFromMs(Date.parse('2026-01-01T03:00:00Z'))
    const span = { schedule: { id }, fromTime, toTime }
    expect((await store.schedules.backfillSchedule(span)).count).toBe(3)
    const done = await whenCompleted(id, 3)
    expect(done.every(({ cause }) => cause === OccurrenceCause.BACKFILLED)).toBe(true)
    expect((await store.schedules.backfillSchedule(span)).count).toBe(0)
    expect((await store.schedules.backfillSchedule({ ...span, includeCompleted: true })).count).toBe(3)
    await vi.waitFor(async () => expect(await store.eventsOf(id)).toHaveLength(6), patience)
  })

  it('takes its times out of a row that stands for several, and the others stay in one', async () => {
    const id = await store.put({ rule: '0 * * * *', paused: true })
    const hour = (of: number) => Date.parse('2026-01-01T00:00:00Z') + of * 3_600_000
    await store.pool.query(
      `insert into occurrence (
         id, schedule_id, nominal_us, last_nominal_us, size, due_us, wake_us, state, cause, reason, schedule_revision,
         created_us, ended_us)
       values ($1, $2, $3, $4, 10, $3, $3, 7, 1, 'policy', 1, $3, $3)`,
      [randomUUID(), id, hour(0) * 1_000, hour(9) * 1_000],
    )
    const backfill = async (from: number, to: number): Promise<number> => {
      const span = { fromTime: timestampFromMs(hour(from)), toTime: timestampFromMs(hour(to)) }
      return (await store.schedules.backfillSchedule({ schedule: { id }, ...span })).count
    }
    expect(await backfill(0, 3)).toBe(3)
    await whenCompleted(id, 3)
    const { COMPLETED, MISSED } = OccurrenceState
    const all = await store.list(id)
    expect(countStates(all)).toEqual({ [COMPLETED]: 3, [MISSED]: 7 })
    expect(Number(all.at(-1)?.nominalTime?.seconds) * 1_000).toBe(hour(3))
    expect(await backfill(2, 10)).toBe(7)
    await whenCompleted(id, 10)
    expect(countStates(await store.list(id))).toEqual({ [COMPLETED]: 10 })
  })

  it('is of at most 1,000 occurrences, and of the past', async () => {
    const id = await store.put({ rule: '* * * * *', paused: true })
    const fromTime = timestampFromMs(0)
    const toTime = timestampFromMs(1_001 * 60_000)
    const call = store.schedules.backfillSchedule({ schedule: { id }, fromTime, toTime })
    expect(await problemOf(call)).toEqual({ code: 'invalid_request', field: 'to_time' })
    const future = timestampFromMs(Date.now() + 60_000)
    const coming = store.schedules.backfillSchedule({
      schedule: { id },
      fromTime: timestampFromMs(Date.now()),
      toTime: future,
    })
    expect(await problemOf(coming)).toEqual({ code: 'invalid_request', field: 'to_time' })
  })
})

describe('a preview', () => {
  it('shows when a rule fires, and what an edit would change', async () => {
    const id = await store.put({ rule: '{"cron": "0 9 * * *", "timezone": "America/New_York"}' })
    const fromTime = timestampFromMs(Date.parse('2026-03-07T00:00:00Z'))
    const shown = await store.schedules.previewSchedule({ schedule: { id }, fromTime, limit: 3 })
    const isoOf = (times: readonly Parameters<typeof timestampDate>[0][]): string[] =>
      times.map((time) => timestampDate(time).toISOString())
    expect(isoOf(shown.times)).toEqual([
      '2026-03-07T14:00:00.000Z',
      '2026-03-08T13:00:00.000Z',
      '2026-03-09T13:00:00.000Z',
    ])
    expect(shown.hasMore).toBe(true)
    const rule = '{"cron": "0 9 * * 1-5", "timezone": "America/New_York"}'
    const toTime = timestampFromMs(Date.parse('2026-03-10T00:00:00Z'))
    const edited = await store.schedules.previewSchedule({ schedule: { id }, rule, fromTime, toTime })
    expect(isoOf(edited.removedTimes)).toEqual(['2026-03-07T14:00:00.000Z', '2026-03-08T13:00:00.000Z'])
    expect(edited.addedTimes).toEqual([])
  })

  it.each([
    [{ rule: '61 * * * *' }, 'invalid_schedule', 'rule.cron.minute'],
    [{ rule: '0 0 30 2 *' }, 'schedule_never_fires', 'rule.cron'],
    [{}, 'invalid_request', 'rule'],
    [{ rule: '@daily', limit: 1_001 }, 'invalid_request', 'limit'],
  ])('says what is wrong with %j', async (request, code, field) => {
    expect(await problemOf(store.schedules.previewSchedule(request))).toEqual({ code, field })
  })

  it('refuses a start beside another one of the rule', async () => {
    const rule = 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY'
    const at = (time: string) => ({ rule, startTime: timestampFromMs(Date.parse(time)) })
    expect((await store.schedules.previewSchedule(at('2030-01-01T09:00:00Z'))).times).not.toEqual([])
    expect(await problemOf(store.schedules.previewSchedule(at('2030-01-01T10:00:00Z')))).toEqual({
      code: 'invalid_schedule',
      field: 'start_time',
    })
  })
})

describe('an explanation', () => {
  it('says what became of a time', async () => {
    const id = await store.put({ rule: inMs(300) })
    const [done] = await whenCompleted(id, 1)
    const at = (nominalTime: ReturnType<typeof timestampFromMs>): Promise<string> =>
      store.occurrences.explainOccurrence({ schedule: { id }, nominalTime }).then(({ text }) => text)
    expect(await at(done?.nominalTime ?? timestampFromMs(0))).toMatch(/^It ran at .*, and was done after 1 attempt\.$/)
    expect(await at(timestampFromMs(Date.now() + 5_000))).toBe('The rule has no occurrence at that time.')
    expect(await at(timestampFromMs(0))).toMatch(/^The schedule was made at /)
    const missed = await store.put({ rule: '2020-01-01T00:00:00Z' })
    await vi.waitFor(async () => {
      const [only] = await store.list(missed)
      expect(only).toMatchObject({ state: OccurrenceState.MISSED, reason: 'policy', attemptCount: 0 })
    }, patience)
  })
})

describe('lists', () => {
  it('of schedules are filtered by namespace, tags and state, newest first, page by page', async () => {
    const tag = randomUUID()
    const ids: string[] = []
    for (let index = 0; index < 5; index++) {
      ids.unshift(await store.put({ rule: '0 0 1 1 *', tags: [tag, `n${index % 2}`], paused: index === 3 }))
    }
    const found: string[] = []
    for (let cursor = ''; ;) {
      const page = await store.schedules.listSchedules({ tags: [tag], limit: 2, cursor })
      found.push(...page.schedules.map(({ id }) => id))
      cursor = page.nextCursor
      if (cursor === '') break
    }
    expect(found).toEqual(ids)
    const both = await store.schedules.listSchedules({ tags: [tag, 'n1'], matchAllTags: true })
    expect(both.schedules).toHaveLength(2)
    const paused = await store.schedules.listSchedules({ tags: [tag], state: ScheduleState.PAUSED })
    expect(paused.schedules.map(({ id }) => id)).toEqual([ids[1]])
    const elsewhere = await store.schedules.listSchedules({ tags: [tag], namespace: 'elsewhere' })
    expect(elsewhere.schedules).toEqual([])
    expect((await problemOf(store.schedules.listSchedules({ cursor: 'x' }))).code).toBe('invalid_cursor')
  })

  it('tell of no deleted schedule', async () => {
    const id = await store.put({ rule: '0 0 1 1 *', tags: [randomUUID()] })
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
    expect(await problemOf(store.schedules.getSchedule({ schedule: { id } }))).toEqual({
      code: 'unknown_schedule',
      field: 'schedule',
    })
    expect(await problemOf(store.schedules.getSchedule({ schedule: { name: 'x' } }))).toEqual({
      code: 'invalid_request',
      field: 'schedule',
    })
  })
})

describe('a token that is limited', () => {
  it.each(['namespace:elsewhere', 'tag:elsewhere'])('by %s sees, runs and changes no other schedule', async (scope) => {
    const tag = randomUUID()
    const id = await store.put({ rule: '0 0 1 1 *', tags: [tag] })
    const { occurrence } = await store.schedules.runSchedule({ schedule: { id } })
    const transport = await store.transportOf(AccessLevel.WRITE, [scope])
    const schedules = createClient(ScheduleService, transport)
    const occurrences = createClient(OccurrenceService, transport)
    const schedule = { id }
    const nominalTime = timestampFromMs(Date.now() + 100_000)
    for (const call of [
      () => schedules.getSchedule({ schedule }),
      () => schedules.runSchedule({ schedule }),
      () => schedules.previewSchedule({ schedule }),
      () => schedules.backfillSchedule({ schedule, fromTime: timestampFromMs(0), toTime: timestampFromMs(1) }),
      () => schedules.pauseSchedule({ schedule: { schedule } }),
      () => schedules.resumeSchedule({ schedule: { schedule } }),
      () => schedules.deleteSchedule({ schedule: { schedule } }),
      () => occurrences.listOccurrences({ schedule }),
      () => occurrences.explainOccurrence({ schedule, nominalTime }),
      () => occurrences.cancelOccurrence({ schedule, nominalTime }),
      () => occurrences.moveOccurrence({ schedule, nominalTime, dueTime: nominalTime }),
    ]) {
      expect((await problemOf(call())).code).toBe('unknown_schedule')
    }
    const hidden = occurrences.getOccurrence({ occurrenceId: occurrence?.id ?? '' })
    expect((await problemOf(hidden)).code).toBe('unknown_occurrence')
    expect((await schedules.listSchedules({ tags: [tag] })).schedules).toEqual([])
    expect((await occurrences.listOccurrences({ tags: [tag] })).occurrences).toEqual([])
    const own = await store.transportOf(AccessLevel.READ, ['namespace:demo', `tag:${tag}`])
    expect((await createClient(ScheduleService, own).listSchedules({})).schedules).toHaveLength(1)
    expect((await createClient(OccurrenceService, own).listOccurrences({})).occurrences).not.toEqual([])
  })

  it('by a tag puts schedules that have it, and keeps seeing what it puts', async () => {
    const mine = createClient(ScheduleService, await store.transportOf(AccessLevel.WRITE, ['tag:mine']))
    const foreign = await store.put({ rule: '0 0 1 1 *', tags: ['theirs'] })
    const put = (schedule: Partial<PutInit>) =>
      mine.putSchedule({ schedule: { namespace: 'demo', rule: '0 0 1 1 *', action: emitTick, ...schedule } })
    const { scheduleId: id } = await put({ tags: ['mine', 'other'] })
    expect((await mine.getSchedule({ schedule: { id } })).schedule?.tags).toEqual(['mine', 'other'])
    const refused = (field: string) => ({ code: 'permission_denied', field })
    expect(await problemOf(put({}))).toEqual(refused('schedule.tags'))
    expect(await problemOf(put({ id, tags: ['other'] }))).toEqual(refused('schedule.tags'))
    expect(await problemOf(put({ id: foreign, tags: ['mine'] }))).toEqual(refused('schedule.id'))
    await mine.deleteSchedule({ schedule: { schedule: { id } } })
  })
})

describe('a schedule whose rule cannot be read any more', () => {
  it('is disabled with the reason, and holds up no other', async () => {
    const broken = await store.put({ rule: '@every 1s' })
    await store.pool.query(`update schedule set rule_spec = '{"cron": "x"}', plan_us = 0 where id = $1`, [broken])
    await vi.waitFor(async () => {
      const { rows } = await store.pool.query('select disabled_reason from schedule where id = $1', [broken])
      expect(rows).toEqual([{ disabled_reason: expect.stringContaining('cannot be planned') as string }])
    }, patience)
    const other = await store.put({ rule: '@every 1s' })
    await whenCompleted(other, 3)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id: other } } })
  })
})

describe('a schedule that was paused for long', () => {
  it('skips what came due meanwhile, each in the ledger, the oldest together', async () => {
    const id = await store.put({ rule: '@every 1s', catchUp: CatchUpPolicy.ALL, paused: true })
    // As if it had been paused for an hour.
    const hourUs = 3_600_000_000
    await store.pool.query('update schedule set planned_us = planned_us - $2 where id = $1', [id, hourUs])
    await store.schedules.resumeSchedule({ schedule: { schedule: { id } } })
    const done = await whenCompleted(id, 1)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
    const skipped = (await store.list(id)).filter(({ state }) => state === OccurrenceState.SKIPPED)
    const total = skipped.reduce((sum, { count }) => sum + Number(count), 0)
    expect(total).toBeGreaterThanOrEqual(3_590)
    expect(total).toBeLessThanOrEqual(3_700)
    expect(skipped).toHaveLength(1_001)
    expect(skipped.every(({ reason }) => reason === 'paused')).toBe(true)
    expect(done[0]?.cause).toBe(OccurrenceCause.SCHEDULED)
  })
})
