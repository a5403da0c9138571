import type { Client } from '@connectrpc/connect'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  DeliveryService,
  eventStreamName,
  NodeService,
  SubscriptionStart,
  type ConsumeResponse,
} from '@qcore/contracts'
import { openFaultProxy } from '@qcore/fault-proxy'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { EventConsumers } from '../src/delivery/event-consumers.ts'
import { loadSubscription } from '../src/delivery/sql/subscriptions.ts'
import type { SubscriptionRow } from '../src/delivery/sql/subscription-row.ts'
import { EventNode, handled, serviceClient } from './_event-node.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection, startNotifier } from './_notifier.ts'

const patience = { timeout: 40_000, interval: 20 }
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
})
afterEach(() => running.disposeAsync())

it('a node that opens another stream has that one, and its former one ends so that it may come again', async () => {
  running.use(await startNotifier(events.store))
  const options = { nodeId: 'n1', subscriptions: [{ pattern: 'a' }] }
  const former = running.use(await EventNode.start(connection, events.store, options))
  const latter = running.use(await EventNode.start(connection, events.store, options))
  expect(await former.ended()).toMatchObject({ code: 'unavailable' })
  await events.emit('a', 1)
  await latter.answer([await latter.delivered(1)], handled)
})

describe('a stream that was given up before it began', () => {
  const request = { namespace: 'demo', nodeId: 'n1', instance: 'instance-1', subscriptions: [{ pattern: 'a' }] }

  /** Opens streams until one begins. */
  function openStream(client: Client<typeof DeliveryService>): Promise<AsyncIterator<ConsumeResponse>> {
    return vi.waitFor(async () => {
      const patient = new AbortController()
      const stream = client.consume(request, { signal: patient.signal })[Symbol.asyncIterator]()
      const timer = setTimeout(() => patient.abort(), 1_000)
      try {
        await stream.next()
        running.defer(() => patient.abort())
        return stream
      } finally {
        clearTimeout(timer)
      }
    }, patience)
  }

  async function version(): Promise<unknown> {
    return (await events.pool.query('select xmin from event_subscription')).rows
  }

  it('ends no other one', async () => {
    const proxy = running.use(await openFaultProxy(inject('postgresUrl')))
    running.use(await startNotifier(events.store, { Q_POSTGRES_ADDR: proxy.url }))
    const nodes = await serviceClient(NodeService, connection, { store: events.store })
    await nodes.registerNode(request)
    const client = await serviceClient(DeliveryService, connection, { store: events.store })
    proxy.hold()
    const impatient = new AbortController()
    const given = client.consume(request, { signal: impatient.signal })[Symbol.asyncIterator]().next()
    // Is refused at once, by the notifier that has the one before.
    const refused = client.consume({ ...request, subscriptions: [] })
    await expect(refused[Symbol.asyncIterator]().next()).rejects.toThrow()
    impatient.abort()
    await expect(given).rejects.toThrow()
    running.use(await startNotifier(events.store))
    const stream = await openStream(client)
    const before = await version()
    proxy.restore()
    await vi.waitFor(async () => expect(await version()).not.toEqual(before), patience)
    for (let number = 1; number <= 20; number++) {
      await events.emit('a', number)
      const { value } = (await stream.next()) as { value: ConsumeResponse }
      if (value.kind.case !== 'deliveries') throw new Error('events')
      const answers = value.kind.value.deliveries.map(({ deliveryId }) => ({ deliveryId, answer: handled }))
      await client.ack({ ...request, answers })
    }
  })
})

describe('a new group', () => {
  it('begins with the oldest event, also where one in the middle of the stream is missing', async () => {
    running.use(await startNotifier(events.store))
    await events.emit('a', 1, 2, 3, 4, 5, 6, 7)
    const { streams } = await jetstreamManager(connection)
    await streams.deleteMessage(eventStreamName(events.store), 4)
    const subscriptions = [{ pattern: 'a', start: SubscriptionStart.OLDEST, concurrency: 10 }]
    const node = running.use(await EventNode.start(connection, events.store, { nodeId: 'n1', subscriptions }))
    await node.delivered(6)
    expect(node.payloads).toEqual([1, 2, 3, 5, 6, 7])
  })
})

it('a notifier that finds a consumer made anew knows that it was', async () => {
  const { store, pool } = events
  running.use(await startNotifier(store))
  const node = await EventNode.start(connection, store, { nodeId: 'n1', subscriptions: [{ pattern: 'a' }] })
  await node[Symbol.asyncDispose]()
  const { rows } = await pool.query<{ id: string }>('select id from event_subscription')
  const former = await vi.waitFor(() => loadMade(rows[0]?.id ?? ''), patience)
  await events.wipe()
  const made = await new EventConsumers(connection, store, pool).ensure(former)
  expect(made?.consumerUs).toBeGreaterThan(former.consumerUs)
  const found = await new EventConsumers(connection, store, pool).ensure(former)
  expect(found?.consumerUs).toBe(made?.consumerUs)

  /** The subscription, when it has its first consumer. */
  async function loadMade(id: string): Promise<SubscriptionRow> {
    const row = await loadSubscription(pool, id)
    if (row === undefined) throw new Error('a subscription')
    await new EventConsumers(connection, store, pool).ensure(row)
    const again = await loadSubscription(pool, id)
    expect(again?.consumerUs).toBe(row.consumerUs)
    return row
  }
})

it('a store whose stream of events is not made yet has no consumers to sweep away', async () => {
  await expect(new EventConsumers(connection, 'not-made-yet', events.pool).sweep(0)).resolves.toBeUndefined()
})

describe('a notifier whose clock is ten minutes fast', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 600_000 })
    running.defer(() => void vi.useRealTimers())
  })

  it('gives out an event that expires in five minutes', async () => {
    running.use(await startNotifier(events.store))
    const subscriptions = [{ pattern: 'a' }]
    const node = running.use(await EventNode.start(connection, events.store, { nodeId: 'n1', subscriptions }))
    await events.emitExpired('a', 1, -300_000)
    await node.answer([await node.delivered(1)], handled)
  })
})
