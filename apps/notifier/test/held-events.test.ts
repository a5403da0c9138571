import type { NatsConnection } from '@nats-io/transport-node'
import { AccessLevel, HeldEventService } from '@qcore/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { serviceClient } from './_event-node.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection, startNotifier } from './_notifier.ts'
import { errorOf } from './_registrations.ts'

let connection: NatsConnection
let events: EventStore
let running: AsyncDisposableStack

beforeAll(async () => {
  connection = await openConnection()
})
afterAll(() => connection.close())

beforeEach(async () => {
  running = new AsyncDisposableStack()
  events = running.use(await createEventStore(connection))
  running.use(await startNotifier(events.store))
})
afterEach(() => running.disposeAsync())

const hourMs = 3_600_000

function held(options: { level?: AccessLevel; scopes?: string[] } = {}) {
  return serviceClient(HeldEventService, connection, { store: events.store, ...options })
}

interface Held {
  readonly revision: number
  readonly index?: number
  readonly inMs: number
  readonly type?: string
  readonly producer?: string
  readonly correlationId?: string
  readonly payload?: string
}

/** Holds events, as the writer does. */
async function hold(...all: readonly Held[]): Promise<void> {
  for (const { revision, index = 0, inMs, type = 'a', producer = '', correlationId = '', payload = '{}' } of all) {
    await events.pool.query(
      `insert into delayed_event (
        revision, event_index, accepted_us, due_us, namespace, type, payload, producer, correlation_id, order_key, attributes, writer)
      values ($1, $2, 0, (extract(epoch from clock_timestamp()) * 1000000)::bigint + $3::bigint * 1000, 'demo', $4, $5, $6, $7, '', '', 'w')`,
      [revision, index, inMs, type, payload, producer, correlationId],
    )
  }
}

it('events that are held are listed, what is due first, by what is asked for', async () => {
  await hold(
    { revision: 1, inMs: 2 * hourMs, type: 'order.late', producer: 'p' },
    { revision: 2, inMs: hourMs, type: 'order.soon', correlationId: 'c', payload: '{"n":1}' },
    { revision: 2, index: 1, inMs: 3 * hourMs, type: 'other' },
  )
  const client = await held()
  const ids = async (filter: object) =>
    (await client.listHeldEvents({ namespace: 'demo', ...filter })).events.map(({ id }) => id)
  expect(await ids({})).toEqual(['2.0', '1.0', '2.1'])
  expect(await ids({ type: 'order.*' })).toEqual(['2.0', '1.0'])
  expect(await ids({ producer: 'p' })).toEqual(['1.0'])
  expect(await ids({ correlationId: 'c' })).toEqual(['2.0'])
  expect(await ids({ correlationId: 'c', producer: 'p' })).toEqual([])
  const { events: found, nextCursor } = await client.listHeldEvents({ namespace: 'demo', limit: 3 })
  expect(found[0]).toMatchObject({ namespace: 'demo', type: 'order.soon', payload: '{"n":1}', position: '' })
  expect(found[0]?.deliverTime).toBeDefined()
  expect(nextCursor).toBe('')
})

it('come page by page, none twice, however large they are, and however few are wanted', async () => {
  const large = JSON.stringify('x'.repeat(90_000))
  await hold(...[1, 2, 3, 4, 5].map((revision) => ({ revision, inMs: hourMs, payload: large })))
  const client = await held()
  const pages: string[][] = []
  let cursor = ''
  do {
    const page = await client.listHeldEvents({ namespace: 'demo', limit: 4, cursor })
    pages.push(page.events.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== '')
  expect(pages).toEqual([
    ['1.0', '2.0', '3.0'],
    ['4.0', '5.0'],
  ])
  await events.pool.query(
    `insert into delayed_event (
      revision, event_index, accepted_us, due_us, namespace, type, payload, producer, correlation_id, order_key, attributes, writer)
    select 10 + n, 0, 0, 9e15::bigint, 'demo', case n when 10050 then 'wanted' else 'b' end, '1', '', '', '', '', 'w'
    from generate_series(1, 10100) n`,
  )
  const first = await client.listHeldEvents({ namespace: 'demo', type: 'wanted' })
  expect(first.events).toEqual([])
  const second = await client.listHeldEvents({ namespace: 'demo', type: 'wanted', cursor: first.nextCursor })
  expect(second.events.map(({ id }) => id)).toEqual(['10060.0'])
  expect(second.nextCursor).toBe('')
})

it('one that is cancelled is gone, and its dedupe key is free', async () => {
  await hold({ revision: 1, inMs: hourMs }, { revision: 2, inMs: hourMs })
  for (const revision of [1, 2]) {
    await events.pool.query(`insert into event_key values ('demo', $1, $2, 0, 9e15::bigint)`, [
      `k${revision}`,
      revision,
    ])
  }
  const client = await held()
  expect((await client.cancelHeldEvent({ eventId: '1.0' })).event).toMatchObject({ id: '1.0', type: 'a' })
  expect((await client.listHeldEvents({ namespace: 'demo' })).events.map(({ id }) => id)).toEqual(['2.0'])
  const { rows } = await events.pool.query('select key from event_key')
  expect(rows).toEqual([{ key: 'k2' }])
  expect(await errorOf(client.cancelHeldEvent({ eventId: '1.0' }))).toMatchObject({ code: 'unknown_event' })
})

it('one that is due, or nearly, or was emitted, cannot be cancelled', async () => {
  await hold({ revision: 7, inMs: -1_000 }, { revision: 8, inMs: 3_000 })
  const [emitted = ''] = await events.emit('a', 1)
  const client = await held()
  for (const eventId of ['7.0', '8.0', emitted]) {
    expect(await errorOf(client.cancelHeldEvent({ eventId }))).toMatchObject({ code: 'event_due', field: 'event_id' })
  }
  expect((await client.listHeldEvents({ namespace: 'demo' })).events).toHaveLength(2)
})

it('what the token does not allow, or nobody knows, is refused', async () => {
  await hold({ revision: 1, inMs: hourMs })
  const reading = await held({ level: AccessLevel.READ })
  expect((await reading.listHeldEvents({ namespace: 'demo' })).events).toHaveLength(1)
  expect(await errorOf(reading.cancelHeldEvent({ eventId: '1.0' }))).toMatchObject({ code: 'permission_denied' })
  const other = await held({ scopes: ['namespace:other'] })
  expect(await errorOf(other.listHeldEvents({ namespace: 'demo' }))).toMatchObject({
    code: 'permission_denied',
    field: 'namespace',
  })
  expect(await errorOf(other.cancelHeldEvent({ eventId: '1.0' }))).toMatchObject({ code: 'unknown_event' })
  expect(await errorOf(reading.listHeldEvents({ namespace: 'nowhere' }))).toMatchObject({ code: 'unknown_namespace' })
  expect(await errorOf(reading.listHeldEvents({ namespace: 'demo', cursor: 'x' }))).toMatchObject({
    code: 'invalid_request',
    field: 'cursor',
  })
})
