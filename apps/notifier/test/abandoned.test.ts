import type { NatsConnection } from '@nats-io/transport-node'
import { DeadLetterService, DeliveryService, type DeadLetter } from '@qcore/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { EventNode, handled, serviceClient } from './_event-node.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection, startNotifier } from './_notifier.ts'

const patience = { timeout: 40_000, interval: 50 }
const hourMs = 3_600_000
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
  running.use(await startNotifier(events.store, { Q_EVENT_ABANDONED_SECONDS: '3600' }))
})
afterEach(() => running.disposeAsync())

async function deadLetters(): Promise<DeadLetter[]> {
  const client = await serviceClient(DeadLetterService, connection, { store: events.store })
  return (await client.listDeadLetters({ filter: { namespace: 'demo' } })).deadLetters
}

async function node(nodeId: string, inOrder: boolean): Promise<EventNode> {
  const subscriptions = [{ pattern: 'a', inOrder, concurrency: inOrder ? 1 : 2, ackMs: 1_000, maxLosses: 100 }]
  return running.use(await EventNode.start(connection, events.store, { nodeId, subscriptions }))
}

/** The group is as if its last node had stopped two hours ago. */
async function abandon(): Promise<void> {
  await events.pool.query(`update event_subscription set consumed_at = now() - interval '2 hours'`)
}

it.each([false, true])(
  'what waits for a group of which no node runs is a dead letter in time, and nothing else is; in order: %s',
  async (inOrder) => {
    await events.emitAged(2 * hourMs, 0, 1, 2, 3)
    const former = await node('n1', inOrder)
    await former.answer([await former.delivered(1)], handled)
    await former.delivered(2)
    await abandon()
    // A node runs: nothing is abandoned.
    await events.emit('a', 'young')
    await former[Symbol.asyncDispose]()
    await abandon()
    const open = [1, 2, 3]
    await vi.waitFor(async () => expect(await deadLetters()).toHaveLength(open.length), patience)
    const letters = await deadLetters()
    expect(new Set(letters.map(({ event }) => event?.payload))).toEqual(new Set(open.map(String)))
    for (const letter of letters) expect(letter).toMatchObject({ group: 'default', reason: 5, attempts: 0 })
    const delivery = await serviceClient(DeliveryService, connection, { store: events.store })
    await vi.waitFor(async () => {
      expect(await delivery.getDepths({ namespace: 'demo' })).toMatchObject({ queueDepth: 1n, deadLetterDepth: 3n })
    }, patience)
    const next = await node('n2', inOrder)
    expect(await next.delivered(1, 40_000)).toMatchObject({ event: { payload: '"young"' }, attempt: 1 })
    await next.answer(next.deliveries, handled)
    await vi.waitFor(async () => {
      expect(await delivery.getDepths({ namespace: 'demo' })).toMatchObject({ queueDepth: 0n })
    }, patience)
    expect(next.deliveries).toHaveLength(1)
  },
)

it('what waits for a group whose node runs, or ran a moment ago, waits on', async () => {
  await events.emitAged(2 * hourMs, 0, 1)
  const only = await node('n1', false)
  await only.delivered(2)
  await only[Symbol.asyncDispose]()
  await events.emit('unwanted', 'x')
  await events.pool.query(`update event set emitted_us = emitted_us - 90000000000 where type = 'unwanted'`)
  // When this one is a dead letter, the group has been looked at too.
  await vi.waitFor(async () => expect(await deadLetters()).toMatchObject([{ reason: 3 }]), patience)
  expect((await deadLetters()).filter(({ reason }) => reason === 5)).toEqual([])
})
