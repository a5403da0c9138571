import { randomUUID } from 'node:crypto'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { OccurrenceCause, OccurrenceState } from '@qcore/contracts'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { problemOf } from './_problem.ts'
import { countStates, patience, startStore, type TestStore } from './_store.ts'
import { whenCompleted } from './_when-over.ts'

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

describe('a backfill', () => {
  it('fires what a span of the past would have had, once, and again only if asked', async () => {
    const id = await store.put({ rule: '0 * * * *', paused: true })
    const fromTime = timestampFromMs(Date.parse('2026-01-01T00:00:00Z'))
    const toTime = timestampFromMs(Date.parse('2026-01-01T03:00:00Z'))
    const span = { schedule: { id }, fromTime, toTime }
    expect((await store.schedules.backfillSchedule(span)).count).toBe(3)
    const done = await whenCompleted(store, id, 3)
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
    await whenCompleted(store, id, 3)
    const { COMPLETED, MISSED } = OccurrenceState
    const all = await store.list(id)
    expect(countStates(all)).toEqual({ [COMPLETED]: 3, [MISSED]: 7 })
    expect(Number(all.at(-1)?.nominalTime?.seconds) * 1_000).toBe(hour(3))
    expect(await backfill(2, 10)).toBe(7)
    await whenCompleted(store, id, 10)
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
