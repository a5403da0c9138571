import { OccurrenceState, OverlapPolicy, type Occurrence } from '@qcore/contracts'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Service } from '@qcore/service'
import { addDue } from './_due.ts'
import { Receiver } from './_receiver.ts'
import { patience, startStore, type PutInit, type TestStore } from './_store.ts'

/** Receivers answer when a test says so. */
const allowed = { Q_EGRESS_ALLOW: '127.0.0.1', Q_WEBHOOK_TIMEOUT_MS: '22000' }

let store: TestStore
const schedulers: Service[] = []

beforeAll(async () => {
  store = await startStore()
  schedulers.push(await store.startScheduler(allowed), await store.startScheduler(allowed))
})

afterAll(async () => {
  for (const scheduler of schedulers) await scheduler[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

/** A receiver that answers when a test says so, and knows how many wait at a time. */
async function startSlowReceiver(): Promise<Receiver & { readonly open: ServerResponse[]; most: number }> {
  const open: ServerResponse[] = []
  const receiver = await Receiver.start((_, response) => {
    open.push(response)
    slow.most = Math.max(slow.most, open.length)
  })
  const slow = Object.assign(receiver, { open, most: 0 })
  return slow
}

function everySecond(url: string, overlap: OverlapPolicy): Partial<PutInit> {
  const retry = { maxAttempts: 2, backoff: { seconds: 3_600n } }
  return { rule: '@every 1s', overlap, retry, action: { kind: { case: 'webhook', value: { url } } } }
}

async function whenListed(id: string, check: (occurrences: Occurrence[]) => void): Promise<void> {
  await vi.waitFor(async () => check(await store.list(id)), patience)
}

function inState(occurrences: readonly Occurrence[], state: OccurrenceState, reason = ''): Occurrence[] {
  return occurrences.filter((each) => each.state === state && each.reason === reason)
}

const yearly = '0 0 1 1 *'

/** How many of the occurrences that are due are under way, wait for their turn, and were skipped. */
async function countDue(id: string): Promise<{ running: number; waiting: number; skipped: number }> {
  const { rows } = await store.pool.query<{ running: number; waiting: number; skipped: number }>(
    `select count(*) filter (where state < 4 and attempts > 0)::int as running,
       count(*) filter (where state in (1, 2) and reason = 'overlap')::int as waiting,
       count(*) filter (where state = 6 and reason = 'overlap')::int as skipped
     from occurrence where schedule_id = $1 and cause = 3`,
    [id],
  )
  return rows[0] ?? { running: 0, waiting: 0, skipped: 0 }
}

describe('while an occurrence is under way, a later one', () => {
  it('fires, if nothing is said', async () => {
    await using receiver = await startSlowReceiver()
    const id = await store.put(everySecond(receiver.url, OverlapPolicy.UNSPECIFIED))
    await vi.waitFor(() => expect(receiver.open.length).toBeGreaterThan(1), patience)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
  })

  it('is skipped', async () => {
    await using receiver = await startSlowReceiver()
    const id = await store.put(everySecond(receiver.url, OverlapPolicy.SKIP))
    await whenListed(id, (all) => expect(inState(all, OccurrenceState.SKIPPED, 'overlap').length).toBeGreaterThan(1))
    expect(receiver.requests).toHaveLength(1)
    receiver.open.pop()?.end()
    await vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThan(1), patience)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
    expect(receiver.most).toBe(1)
  })

  it('waits for its turn, and all after it', async () => {
    await using receiver = await startSlowReceiver()
    const id = await store.put({ ...everySecond(receiver.url, OverlapPolicy.BUFFER_ALL), grace: { seconds: 0n } })
    await whenListed(id, (all) => expect(inState(all, OccurrenceState.PENDING, 'overlap').length).toBeGreaterThan(2))
    expect(receiver.requests).toHaveLength(1)
    for (let answered = 1; answered < 4; answered++) {
      receiver.open.pop()?.end()
      await vi.waitFor(() => expect(receiver.requests).toHaveLength(answered + 1), patience)
    }
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
    const times = receiver.requests.map(({ body }) => (JSON.parse(body) as { scheduled_at: string }).scheduled_at)
    expect(times).toEqual([...times].sort())
    expect(inState(await store.list(id), OccurrenceState.SKIPPED, 'overlap')).toEqual([])
    expect(receiver.most).toBe(1)
  })

  it('waits, and those after it are skipped', async () => {
    await using receiver = await startSlowReceiver()
    const id = await store.put(everySecond(receiver.url, OverlapPolicy.BUFFER_ONE))
    await whenListed(id, (all) => {
      expect(inState(all, OccurrenceState.SKIPPED, 'overlap').length).toBeGreaterThan(1)
      expect(inState(all, OccurrenceState.PENDING, 'overlap')).toHaveLength(1)
    })
    expect(receiver.requests).toHaveLength(1)
    receiver.open.pop()?.end()
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(2), patience)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
  })

  it('waits, if it is the next one of several that are due together', async () => {
    await using receiver = await startSlowReceiver()
    const id = await store.put({ ...everySecond(receiver.url, OverlapPolicy.BUFFER_ONE), rule: yearly })
    await addDue(store, id, 5)
    await vi.waitFor(async () => expect(await countDue(id)).toEqual({ running: 1, waiting: 1, skipped: 3 }), patience)
    receiver.open.pop()?.end()
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(2), patience)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
  })

  it('is one of a thousand at most that wait, and few of them look whether it is their turn', async () => {
    await using receiver = await startSlowReceiver()
    const id = await store.put({ ...everySecond(receiver.url, OverlapPolicy.BUFFER_ALL), rule: yearly })
    await addDue(store, id, 1_100)
    await vi.waitFor(
      async () => expect(await countDue(id)).toEqual({ running: 1, waiting: 1_000, skipped: 99 }),
      patience,
    )
    // The next ones each quarter of a second, and the others far less often.
    await vi.waitFor(async () => {
      const { rows } = await store.pool.query<{ soon: number }>(
        `select count(*)::int as soon from occurrence
         where schedule_id = $1 and state < 4 and wake_us < extract(epoch from clock_timestamp()) * 1000000 + 1000000`,
        [id],
      )
      expect(rows[0]?.soon).toBeLessThan(150)
    }, patience)
    expect(receiver.requests).toHaveLength(1)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
  })

  it('takes its place, and what was under way is not tried again when it fails', async () => {
    await using receiver = await startSlowReceiver()
    const retry = { maxAttempts: 3, backoff: { nanos: 20_000_000 } }
    const id = await store.put({ ...everySecond(receiver.url, OverlapPolicy.CANCEL_OTHER), retry, rule: yearly })
    for (const count of [1, 2]) {
      await addDue(store, id, 1)
      await vi.waitFor(() => expect(receiver.open).toHaveLength(count), patience)
    }
    const replaced = receiver.requests[0]?.headers['webhook-id']
    receiver.open[0]?.writeHead(500).end()
    await whenListed(id, (all) => {
      const { state, reason } = all.find((each) => each.id === replaced) ?? {}
      expect({ state, reason }).toEqual({ state: OccurrenceState.CANCELLED, reason: 'replaced' })
    })
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
    expect(receiver.requests).toHaveLength(2)
  })

  it('takes its place, so that it is not tried again', async () => {
    await using receiver = await Receiver.start((_, response) => response.writeHead(500).end())
    const id = await store.put(everySecond(receiver.url, OverlapPolicy.CANCEL_OTHER))
    await whenListed(id, (all) => expect(inState(all, OccurrenceState.CANCELLED, 'replaced').length).toBeGreaterThan(1))
    const ids = receiver.requests.map(({ headers }) => headers['webhook-id'])
    expect(new Set(ids).size).toBe(ids.length)
    await store.schedules.deleteSchedule({ schedule: { schedule: { id } } })
  })
})

it('what has been over for longer than the retention is deleted, but for the newest; what is not over never is', async () => {
  const id = await store.put({})
  await whenListed(id, (all) => expect(inState(all, OccurrenceState.COMPLETED).length).toBeGreaterThan(2))
  await store.schedules.pauseSchedule({ schedule: { schedule: { id } } })
  await vi.waitFor(async () => {
    const { rows } = await store.pool.query('select from occurrence where schedule_id = $1 and state < 4', [id])
    expect(rows).toEqual([])
  }, patience)
  const waiting = await store.put({ rule: '2020-01-01T00:00:00Z', grace: { seconds: 604_800n } })
  await store.pool.query(
    'update occurrence set state = 1, ended_us = null, wake_us = 9000000000000000 where schedule_id = $1',
    [waiting],
  )
  const monthUs = 31 * 86_400 * 1_000_000
  await store.pool.query(
    `update occurrence set nominal_us = nominal_us - $1, last_nominal_us = last_nominal_us - $1, ended_us = ended_us - $1,
       created_us = created_us - $1`,
    [monthUs],
  )
  const newest = (await store.list(id)).at(-1)
  const retiring = await store.startScheduler()
  await vi.waitFor(async () => expect(await store.list(id)).toEqual([newest]), patience)
  expect(await store.list(waiting)).toHaveLength(1)
  await retiring[Symbol.asyncDispose]()
})
