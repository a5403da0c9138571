import type { NatsConnection } from '@nats-io/transport-node'
import { DeadLetterService, type DeadLetter, type EventDelivery } from '@qcore/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EventNode, failed, handled, serviceClient } from './_event-node.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection, startNotifier } from './_notifier.ts'

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

async function node(
  nodeId: string,
  ...subscriptions: Parameters<typeof EventNode.start>[2]['subscriptions']
): Promise<EventNode> {
  return running.use(await EventNode.start(connection, events.store, { nodeId, subscriptions }))
}

async function deadLetters(): Promise<DeadLetter[]> {
  const client = await serviceClient(DeadLetterService, connection, { store: events.store })
  return (await client.listDeadLetters({ filter: { namespace: 'demo' } })).deadLetters
}

const staleOutcome = [{ outcome: { case: 'stale' } }]

describe('the failure of an event', () => {
  it('that the subscription does not select is stale, and nobody gets to read it so', async () => {
    const only = await node('n1', { pattern: 'a' })
    await events.emit('a', 'own')
    const delivery = await only.delivered(1)
    await events.emit('a', 'of another namespace')
    await events.emit('b', 'of another type')
    await events.pool.query(`update event set namespace = 'other' where revision = 2`)
    const [, ackSubject = ''] = delivery.deliveryId.split(':')
    const forged = (place: string): EventDelivery => ({ ...delivery, deliveryId: `${place}:${ackSubject}` })
    for (const place of ['2.0', '3.0', '9.0']) {
      expect(await only.answer([forged(place)], failed())).toMatchObject(staleOutcome)
    }
    expect(await deadLetters()).toEqual([])
    expect((await events.pool.query('select from event_attempt')).rows).toEqual([])
    await only.answer([delivery], failed())
    expect(await deadLetters()).toMatchObject([{ event: { payload: '"own"' } }])
  })

  it('is stale when another node has handled it in the meantime', async () => {
    const slow = await node('n1', { pattern: 'a', ackMs: 1_000 })
    await events.emit('a', 1)
    const first = await slow.delivered(1)
    const other = await node('n2', { pattern: 'a', ackMs: 1_000 })
    const second = await other.delivered(1)
    expect(await other.answer([second], handled)).toMatchObject([{ outcome: { case: 'noted' } }])
    expect(await slow.answer([first], failed())).toMatchObject(staleOutcome)
    expect(await deadLetters()).toEqual([])
  })

  it('is stale when the node that was given it first has handled it, late', async () => {
    const slow = await node('n1', { pattern: 'a', ackMs: 1_000 })
    await events.emit('a', 1)
    const first = await slow.delivered(1)
    const other = await node('n2', { pattern: 'a', ackMs: 1_000 })
    const second = await other.delivered(1)
    expect(await slow.answer([first], handled)).toMatchObject([{ outcome: { case: 'noted' } }])
    expect(await other.answer([second], failed())).toMatchObject(staleOutcome)
    expect(await deadLetters()).toEqual([])
  })
})

it('an event that is handled in time leaves nothing in PostgreSQL', async () => {
  const only = await node('n1', { pattern: 'a' })
  await events.emit('a', 1)
  await only.answer([await only.delivered(1)], handled)
  expect((await events.pool.query('select from event_attempt')).rows).toEqual([])
})
