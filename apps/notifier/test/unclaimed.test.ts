import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { buryUnclaimed, countUnclaimed } from '../src/delivery/sql/unclaimed.ts'
import { deleteSubscriptions, storeSubscription } from '../src/delivery/sql/subscriptions.ts'
import { typeRegex } from '../src/delivery/type-pattern.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection } from './_notifier.ts'

const namespace = 'demo'
let connection: NatsConnection
let events: EventStore

beforeAll(async () => {
  connection = await openConnection()
})
afterAll(() => connection.close())

beforeEach(async () => {
  events = await createEventStore(connection)
})
afterEach(() => events[Symbol.asyncDispose]())

async function subscribe(group: string, pattern: string): Promise<void> {
  await storeSubscription(events.pool, {
    id: `${group} ${pattern}`,
    namespace,
    group,
    pattern,
    typeRegex: typeRegex(pattern),
    ackMs: 30_000,
    maxAttempts: 1,
    retryMs: 1_000,
    mostRetryMs: 60_000,
    maxLosses: 5,
    inOrder: false,
    floor: { revision: 0, index: 0 },
  })
}

const count = (): Promise<number> => countUnclaimed(events.pool, namespace)

it('what no group wants counts, of each type, and what was emitted before a broadcast began', async () => {
  expect(await count()).toBe(0)
  await events.emit('order.placed', 1, 2)
  await events.emit('order.paid', 3)
  await events.emit('stock', 4, 5, 6)
  expect(await count()).toBe(6)
  await subscribe('mail', 'order.*')
  expect(await count()).toBe(3)
  await events.pool.query('update event set emitted_us = emitted_us - 60000000')
  await subscribe('@n1', '>')
  expect(await count()).toBe(3)
  await events.pool.query('update event set emitted_us = emitted_us + 120000000 where revision = 6')
  expect(await count()).toBe(2)
  await deleteSubscriptions(events.pool, ['mail order.*'])
  expect(await count()).toBe(5)
})

it('what became a dead letter does not count any more', async () => {
  await events.emit('a', 1, 2)
  await events.emit('b', 3)
  expect(await buryUnclaimed(events.pool, { namespace, beforeUs: Number.MAX_SAFE_INTEGER, limit: 2 })).toBe(2)
  expect(await count()).toBe(1)
})

it('counting reads no events that groups want, however many there are', async () => {
  await subscribe('all', 'wanted.*')
  await events.pool.query(
    `insert into event (
      revision, event_index, emitted_us, namespace, type, payload, producer, correlation_id, writer, order_key)
    select n, 0, $1::bigint + n, $2, 'wanted.' || n % 10, '1', '', '', 'tester', '' from generate_series(1, 20000) n`,
    [Date.now() * 1_000, namespace],
  )
  await events.pool.query('analyze event')
  const client = await events.pool.connect()
  try {
    await client.query('begin')
    expect(await countUnclaimed(client, namespace)).toBe(0)
    const { rows } = await client.query<{ read: number }>(
      `select sum(pg_stat_get_xact_tuples_returned(oid))::int as read
      from pg_class where relnamespace = $1::regnamespace and relname like 'event%'`,
      [events.store],
    )
    expect(rows[0]?.read).toBeLessThan(1_000)
  } finally {
    await client.query('rollback')
    client.release()
  }
})
