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
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { inMs } from './_due.ts'
import { problemOf } from './_problem.ts'
import { patience, startStore, type TestStore } from './_store.ts'
import { isCompleted, whenCompleted } from './_when-over.ts'

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

describe('a schedule that emits', () => {
  it('emits one event a tick, each completed in the ledger with its attempt', async () => {
    const id = await store.put({ name: 'seconds' })
    const done = await whenCompleted(store, id, 3)
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
    await whenCompleted(store, id, 1)
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
    const [done] = await whenCompleted(store, id, 1)
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
    await whenCompleted(store, later, 1)
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
    const [done] = await whenCompleted(store, id, 1)
    expect(done?.cause).toBe(OccurrenceCause.MANUAL)
    await store.schedules.runSchedule({ schedule: { id } })
    await whenCompleted(store, id, 2)
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
      const found = (await store.list(id)).filter(isCompleted)
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

describe('a schedule whose rule cannot be read any more', () => {
  it('is disabled with the reason, and holds up no other', async () => {
    const broken = await store.put({ rule: '@every 1s' })
    await store.pool.query(`update schedule set rule_spec = '{"cron": "x"}', plan_us = 0 where id = $1`, [broken])
    await vi.waitFor(async () => {
      const { rows } = await store.pool.query('select disabled_reason from schedule where id = $1', [broken])
      expect(rows).toEqual([{ disabled_reason: expect.stringContaining('cannot be planned') as string }])
    }, patience)
    const other = await store.put({ rule: '@every 1s' })
    await whenCompleted(store, other, 3)
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
    const done = await whenCompleted(store, id, 1)
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
