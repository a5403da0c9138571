import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  CatchUpPolicy,
  OccurrenceCause,
  OccurrenceState,
  type Mutation,
  type MutationSchema,
  type Occurrence,
} from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { emitTick, patience, startStore, type PutInit, type TestStore } from './_store.ts'

const minuteUs = 60_000_000
const everyMinute = '* * * * *'
/** Nothing of it is planned soon. */
const yearly = '0 0 1 1 *'
const { SKIPPED, MISSED, CANCELLED, COMPLETED } = OccurrenceState

let store: TestStore

beforeAll(async () => {
  store = await startStore()
})

afterAll(() => store[Symbol.asyncDispose]())

type MutationKind = NonNullable<Exclude<MessageInitShape<typeof MutationSchema>, Mutation>['kind']>

/** Commits; the writer does so without a scheduler. */
async function commit(...kinds: MutationKind[]): Promise<void> {
  await store.commits.commit({ mutations: kinds.map((kind) => ({ kind })) })
}

async function withScheduler(work: () => Promise<void>): Promise<void> {
  await using _scheduler = await store.startScheduler()
  await work()
}

/** A schedule of every minute whose last ten nobody has planned, because it was paused, or no scheduler was there. */
async function putUnplanned(schedule: Partial<PutInit>): Promise<string> {
  const id = await store.put({ rule: everyMinute, ...schedule })
  await store.pool.query(
    `with back as (update schedule set planned_us = changed_us - $2 where id = $1)
     delete from occurrence where schedule_id = $1`,
    [id, 10 * minuteUs],
  )
  return id
}

async function whenPlanned(id: string): Promise<Occurrence[]> {
  await vi.waitFor(async () => {
    const { rows } = await store.pool.query('select from former_rule where schedule_id = $1', [id])
    expect(rows).toEqual([])
  }, patience)
  return store.list(id)
}

const inState = (occurrences: readonly Occurrence[], state: OccurrenceState): Occurrence[] =>
  occurrences.filter((each) => each.state === state)

describe('what was not planned of a former rule', () => {
  it('is skipped if the schedule was paused', async () => {
    const id = await putUnplanned({ paused: true })
    await store.put({ id, rule: yearly })
    await withScheduler(async () => {
      const occurrences = await whenPlanned(id)
      expect(occurrences).toHaveLength(10)
      expect(occurrences.every(({ state, reason }) => state === SKIPPED && reason === 'paused')).toBe(true)
    })
  })

  it('is skipped if the schedule was disabled', async () => {
    const id = await putUnplanned({})
    await store.pool.query(`update schedule set disabled_reason = 'gone', plan_us = null where id = $1`, [id])
    await store.put({ id, rule: yearly })
    await withScheduler(async () => {
      const skipped = inState(await whenPlanned(id), SKIPPED)
      expect(skipped.map(({ reason }) => reason)).toEqual(Array.from({ length: 10 }, () => 'disabled'))
    })
  })

  it('fires or is missed as the schedule had it, if no scheduler was there', async () => {
    const id = await putUnplanned({ catchUp: CatchUpPolicy.LAST, grace: { nanos: 1_000_000 } })
    await store.put({ id, rule: yearly, catchUp: CatchUpPolicy.UNSPECIFIED })
    await withScheduler(async () => {
      await whenPlanned(id)
      await vi.waitFor(async () => {
        const occurrences = await store.list(id)
        expect(inState(occurrences, MISSED)).toHaveLength(9)
        expect(inState(occurrences, COMPLETED)).toMatchObject([{ cause: OccurrenceCause.CAUGHT_UP }])
      }, patience)
    })
  })

  it('is skipped as far as the schedule had been paused, and it had not been written down yet', async () => {
    const id = await putUnplanned({ paused: true })
    await commit({ case: 'resumeSchedule', value: { schedule: { id } } })
    await store.put({ id, rule: yearly })
    await withScheduler(async () => {
      expect(inState(await whenPlanned(id), SKIPPED)).toHaveLength(10)
    })
  })

  it('is not lost when a commit changes the rule there and back', async () => {
    const id = await putUnplanned({ paused: true })
    const put = (rule: string) =>
      ({ case: 'putSchedule', value: { id, namespace: 'demo', rule, action: emitTick } }) as const
    await commit(put(yearly), put(everyMinute))
    await withScheduler(async () => {
      expect(inState(await whenPlanned(id), SKIPPED)).toHaveLength(10)
    })
  })

  it('leaves what has its row as it is', async () => {
    const id = await putUnplanned({ paused: true })
    await store.pool.query(
      `insert into occurrence (
         id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, reason, schedule_revision, created_us, ended_us)
       select 'by-hand-' || id, id, at_us, at_us, at_us, at_us, 8, 1, 'by_hand', revision, at_us, at_us
       from schedule, lateral (select (planned_us / $2 + 1) * $2 as at_us) as at where id = $1`,
      [id, minuteUs],
    )
    await store.put({ id, rule: yearly })
    await withScheduler(async () => {
      const occurrences = await whenPlanned(id)
      expect([inState(occurrences, CANCELLED).length, inState(occurrences, SKIPPED).length]).toEqual([1, 9])
    })
  })

  it('holds up no other if it cannot be read', async () => {
    const [broken, other] = [await putUnplanned({ paused: true }), await putUnplanned({ paused: true })]
    await store.put({ id: broken, rule: yearly })
    await store.pool.query(`update former_rule set rule_spec = '{"cron": "x"}'`)
    await store.put({ id: other, rule: yearly })
    await withScheduler(async () => {
      expect([(await whenPlanned(broken)).length, (await whenPlanned(other)).length]).toEqual([0, 10])
    })
  })
})

describe('what was not planned of a schedule that is deleted', () => {
  it('is skipped if it was paused, else cancelled', async () => {
    const [paused, active] = [await putUnplanned({ paused: true }), await putUnplanned({})]
    for (const id of [paused, active]) await commit({ case: 'deleteSchedule', value: { schedule: { id } } })
    await withScheduler(async () => {
      const skipped = await whenPlanned(paused)
      expect(skipped.map(({ state, reason }) => [state, reason])).toEqual(
        Array.from({ length: 10 }, () => [SKIPPED, 'paused']),
      )
      const cancelled = await whenPlanned(active)
      expect(cancelled.map(({ state, reason }) => [state, reason])).toEqual(
        Array.from({ length: 10 }, () => [CANCELLED, 'deleted']),
      )
    })
  })
})

it('what is planned is left to nobody when a schedule changes', async () => {
  const id = await store.put({ rule: yearly })
  await store.put({ id, rule: everyMinute })
  await commit({ case: 'pauseSchedule', value: { schedule: { id } } })
  await commit({ case: 'deleteSchedule', value: { schedule: { id } } })
  const { rows } = await store.pool.query('select from former_rule where schedule_id = $1', [id])
  expect(rows).toEqual([])
})
