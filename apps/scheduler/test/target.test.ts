import type { ServerResponse } from 'node:http'
import { OccurrenceState } from '@qcore/contracts'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { Receiver } from './_receiver.ts'
import { patience, startStore, type PutInit, type TestStore } from './_store.ts'

const allowed = { Q_EGRESS_ALLOW: '127.0.0.1' }

let store: TestStore

beforeAll(async () => {
  store = await startStore()
})

afterAll(() => store[Symbol.asyncDispose]())

/** Puts schedules that all send one webhook, at one time that is near. */
async function putMany(count: number, url: string, more: Partial<PutInit> = {}): Promise<string[]> {
  const rule = new Date(Date.now() + 1_000).toISOString()
  const retry = { maxAttempts: 10, backoff: { nanos: 20_000_000 } }
  const action = { kind: { case: 'webhook' as const, value: { url } } }
  return Promise.all(Array.from({ length: count }, () => store.put({ rule, retry, action, ...more })))
}

interface Row {
  state: number
  reason: string
  attempts: number
}

/** The occurrences of schedules that have one each. */
async function rowsOf(ids: readonly string[]): Promise<Row[]> {
  const text = 'select state, reason, attempts from occurrence where schedule_id = any($1)'
  return (await store.pool.query<Row>(text, [ids])).rows
}

function attemptsOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { attempts }) => sum + attempts, 0)
}

it('what waits for a target that was broken for longer than the grace is done when it is back', async () => {
  const failures = 5
  await using receiver = await Receiver.start((_, response) => {
    response.writeHead(receiver.requests.length > failures ? 200 : 503).end()
  })
  await using _scheduler = await store.startScheduler({ ...allowed, Q_WEBHOOK_CONCURRENCY: '2' })
  const ids = await putMany(20, receiver.url, { grace: { seconds: 1n } })
  await vi.waitFor(async () => {
    const rows = await rowsOf(ids)
    expect(rows.filter(({ state }) => state < OccurrenceState.COMPLETED)).toEqual([])
  }, patience)
  const rows = await rowsOf(ids)
  expect(rows.map(({ state }) => state)).toEqual(ids.map(() => OccurrenceState.COMPLETED))
  expect(attemptsOf(rows)).toBe(ids.length + failures)
})

it('requests that follow one another share connections, which end before the receiver would end them', async () => {
  await using receiver = await Receiver.start()
  await using _scheduler = await store.startScheduler({ ...allowed, Q_WEBHOOK_CONCURRENCY: '2' })
  const putAndWait = async (): Promise<void> => {
    const ids = await putMany(20, receiver.url)
    await vi.waitFor(async () => {
      const rows = await rowsOf(ids)
      expect(rows.map(({ state, attempts }) => [state, attempts])).toEqual(
        ids.map(() => [OccurrenceState.COMPLETED, 1]),
      )
    }, patience)
  }
  await putAndWait()
  const { connections } = receiver
  expect(connections).toBeLessThan(10)
  await vi.waitFor(async () => expect(await receiver.open()).toBe(0), patience)
  await putAndWait()
  expect(receiver.connections).toBeGreaterThan(connections)
})

it('who waits for a place at a target that is found broken sends nothing', async () => {
  const open: ServerResponse[] = []
  await using receiver = await Receiver.start((_, response) => void open.push(response))
  await using _scheduler = await store.startScheduler({ ...allowed, Q_WEBHOOK_CONCURRENCY: '10' })
  const ids = await putMany(40, receiver.url)
  await vi.waitFor(() => expect(open).toHaveLength(10), patience)
  receiver.answer = (_, response) => response.writeHead(500).end()
  for (const response of open) response.writeHead(500).end()
  await vi.waitFor(async () => {
    const rows = await rowsOf(ids)
    expect(rows.every(({ state, attempts, reason }) => state === 1 && (attempts > 0 || reason === 'target'))).toBe(true)
  }, patience)
  // Ten at once, one more for each of the first four failures, and then now and again one that finds out.
  expect(receiver.requests.length).toBeLessThan(18)
})

it('who waits for a place when his scheduler stops is given back without an attempt', async () => {
  await using receiver = await Receiver.start(() => undefined)
  const scheduler = await store.startScheduler({ ...allowed, Q_WEBHOOK_CONCURRENCY: '2' })
  const ids = await putMany(4, receiver.url)
  await vi.waitFor(async () => expect((await rowsOf(ids)).every(({ state }) => state > 1)).toBe(true), patience)
  await vi.waitFor(() => expect(receiver.requests).toHaveLength(2), patience)
  await scheduler[Symbol.asyncDispose]()
  const rows = await rowsOf(ids)
  expect(rows.map(({ state }) => state)).toEqual(ids.map(() => OccurrenceState.PENDING))
  expect(rows.map(({ attempts }) => attempts).sort((a, b) => a - b)).toEqual([0, 0, 1, 1])
  expect(receiver.requests).toHaveLength(2)
})
