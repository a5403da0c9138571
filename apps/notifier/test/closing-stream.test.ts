import type { NatsConnection } from '@nats-io/transport-node'
import { closePool, openPool, type Pool, type PoolClient } from '@qcore/database'
import { createLogger } from '@qcore/service'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it, vi } from 'vitest'
import { EventConsumers } from '../src/delivery/event-consumers.ts'
import { NodeStream } from '../src/delivery/node-stream.ts'
import { OrderedLane } from '../src/delivery/ordered-lane.ts'
import { ReplayFeeder } from '../src/delivery/replay-feeder.ts'
import type { SubscriptionRow } from '../src/delivery/sql/subscription-row.ts'
import { storeSubscription } from '../src/delivery/sql/subscriptions.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection } from './_notifier.ts'

const patience = { timeout: 20_000, interval: 20 }
const namespace = 'demo'
const logger = createLogger({ service: 'notifier', level: 'silent', instanceId: 'test' })
let connection: NatsConnection
let events: EventStore
let pool: Pool
let holder: PoolClient
let row: SubscriptionRow

beforeAll(async () => {
  connection = await openConnection()
})
afterAll(() => connection.close())

beforeEach(async () => {
  events = await createEventStore(connection)
  const database = { address: inject('postgresUrl'), store: events.store, applicationName: 'test', max: 4 }
  pool = openPool(database, () => undefined)
  holder = await pool.connect()
  row = await storeSubscription(events.pool, {
    id: 'subscription1',
    namespace,
    group: 'g',
    pattern: 'a',
    typeRegex: '^a$',
    ackMs: 600_000,
    maxAttempts: 1,
    retryMs: 1_000,
    mostRetryMs: 60_000,
    maxLosses: 5,
    inOrder: true,
    floor: { revision: 0, index: 0 },
  })
})
afterEach(async () => {
  holder.release()
  await closePool(pool)
  await events[Symbol.asyncDispose]()
})

function laneOf(stream: NodeStream): OrderedLane {
  return new OrderedLane(row, {
    nodeId: stream.nodeId,
    streamId: stream.id,
    index: 0,
    concurrency: 10,
    connection,
    consumers: new EventConsumers(connection, events.store, pool),
    pool,
    logger,
    hand: (delivery) => stream.push(delivery),
    onGone: () => undefined,
  })
}

/** Waits until somebody waits for what the holder has. */
async function untilBlocking(): Promise<void> {
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
  const text = 'select from pg_stat_activity where $1 = any(pg_blocking_pids(pid))'
  await vi.waitFor(async () => expect((await events.pool.query(text, [rows[0]?.pid])).rowCount).toBe(1), patience)
}

it('a stream that closes while it becomes the owner of a subscription with an order leaves it to others', async () => {
  const stream = new NodeStream({ namespace, nodeId: 'n1' })
  const lane = laneOf(stream)
  await holder.query('begin')
  await holder.query('select from event_subscription for update')
  lane.start()
  await untilBlocking()
  lane[Symbol.dispose]()
  await holder.query('rollback')
  const owner = `select owner_until = '-infinity' as "isFree" from event_subscription where owner_stream = $1`
  await vi.waitFor(
    async () => expect((await events.pool.query(owner, [stream.id])).rows).toEqual([{ isFree: true }]),
    patience,
  )
})

it('replays that a stream would have got which closes meanwhile are given back, and not lost', async () => {
  await events.pool.query(`
    create function wait_for_holder() returns trigger language plpgsql
      as 'begin perform pg_advisory_xact_lock_shared(hashtext(tg_table_schema)); return new; end';
    create trigger wait_for_holder before update on dead_letter for each row when (new.claims > old.claims)
      execute function wait_for_holder();
    insert into dead_letter (
      namespace, group_name, revision, event_index, event_id, emitted_us, type, payload, producer, correlation_id, order_key,
      attributes, writer, reason, error, fingerprint, attempts, node_id, died_at, state, due_at)
    values ('demo', 'g', 1, 0, '1.0', 0, 'a', '1', '', '', '', '', 'w', 1, '', 'f', 1, '', now(), 2, now())`)
  const stream = new NodeStream({ namespace, nodeId: 'n1' })
  stream.lanes = [laneOf(stream)]
  await holder.query('select pg_advisory_lock(hashtext($1))', [events.store])
  new ReplayFeeder(pool, logger).feed([stream])
  await untilBlocking()
  stream[Symbol.dispose]()
  await holder.query('select pg_advisory_unlock(hashtext($1))', [events.store])
  const letter = 'select claims, releases, claimed_until <= clock_timestamp() as "isFree" from dead_letter'
  await vi.waitFor(
    async () => expect((await events.pool.query(letter)).rows).toEqual([{ claims: 1, releases: 1, isFree: true }]),
    patience,
  )
  expect(stream.takeUnsent()).toEqual([])
})
