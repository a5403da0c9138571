import { DeadLetterService, DeliveryService, type DeadLetter, type EventDelivery } from '@qcore/contracts'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { takeOwnership } from '../src/delivery/sql/owner.ts'
import { changeTurns, loadTurns, takeTurns } from '../src/delivery/sql/turns.ts'
import { EventNode, failed, handled, progress, released, serviceClient } from './_event-node.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection, startNotifier } from './_notifier.ts'

const patience = { timeout: 30_000, interval: 20 }
const ordered = { pattern: '>', inOrder: true, concurrency: 10, maxAttempts: 3, retryMs: 50, ackMs: 1_000 }
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
  options: Partial<typeof ordered> & { maxLosses?: number } = {},
): Promise<EventNode> {
  const subscriptions = [{ ...ordered, ...options }]
  return running.use(await EventNode.start(connection, events.store, { nodeId, subscriptions }))
}

function payloadOf({ event }: EventDelivery): string {
  return JSON.parse(event?.payload ?? '') as string
}

async function deadLetters(): Promise<DeadLetter[]> {
  const client = await serviceClient(DeadLetterService, connection, { store: events.store })
  return (await client.listDeadLetters({ filter: { namespace: 'demo' } })).deadLetters
}

async function expectEmpty(): Promise<void> {
  const client = await serviceClient(DeliveryService, connection, { store: events.store })
  await vi.waitFor(
    async () => expect(await client.getDepths({ namespace: 'demo' })).toMatchObject({ queueDepth: 0n }),
    patience,
  )
}

/** Emits `a0`, `b0`, `a1`, `b1` …: as many of each key. */
async function emitRounds(keys: string, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const key of keys) await events.emitKeyed(key, `${key}${round}`)
  }
}

/** Answers all that comes until there were so many; gives them in their order, and how many were open at a time. */
async function handleAll(nodes: readonly EventNode[], count: number): Promise<{ seen: string[]; mostOpen: number }> {
  const seen: string[] = []
  let mostOpen = 0
  await vi.waitFor(async () => {
    const open = nodes.flatMap((each) => each.deliveries.splice(0).map((delivery) => ({ each, delivery })))
    mostOpen = Math.max(mostOpen, open.length)
    const keys = open.map(({ delivery }) => delivery.event?.orderKey)
    expect(new Set(keys).size).toBe(keys.length)
    for (const { each, delivery } of open) {
      seen.push(payloadOf(delivery))
      await each.answer([delivery], handled)
    }
    expect(seen.length).toBeGreaterThanOrEqual(count)
  }, patience)
  return { seen, mostOpen }
}

function expectOrder(seen: readonly string[], keys: string, rounds: number): void {
  for (const key of keys) {
    const own = seen.filter((payload) => payload.startsWith(key))
    expect(own).toEqual(Array.from({ length: rounds }, (_, round) => `${key}${round}`))
  }
}

describe('a group in order', () => {
  it('handles keys side by side, as many as the node works on, and each one in order', async () => {
    const only = await node('n1', { concurrency: 3 })
    await emitRounds('abcd', 5)
    await only.delivered(3)
    expect(only.deliveries.map(payloadOf)).toEqual(['a0', 'b0', 'c0'])
    const { seen, mostOpen } = await handleAll([only], 20)
    expectOrder(seen, 'abcd', 5)
    expect(mostOpen).toBe(3)
    await expectEmpty()
  })

  it('tries an event that failed again before the next one of its key, while other keys go on', async () => {
    const only = await node('n1', { retryMs: 2_000 })
    await emitRounds('ab', 2)
    await only.delivered(2)
    await only.answer(only.deliveries.slice(0, 1), failed())
    await only.answer(only.deliveries.slice(1, 2), handled)
    await only.delivered(3)
    await only.answer(only.deliveries.slice(2, 3), handled)
    const again = await only.delivered(4)
    expect(only.deliveries.map(payloadOf)).toEqual(['a0', 'b0', 'b1', 'a0'])
    expect(again).toMatchObject({ attempt: 2, redeliveries: 1 })
    await only.answer([again], handled)
    expect(payloadOf(await only.delivered(5))).toBe('a1')
  })

  it('goes on with a key when its event is a dead letter', async () => {
    const only = await node('n1', { maxAttempts: 1 })
    await emitRounds('a', 3)
    const [outcome] = await only.answer([await only.delivered(1)], failed('no'))
    expect(outcome?.outcome.case).toBe('deadLetter')
    expect(payloadOf(await only.delivered(2))).toBe('a1')
    expect(await deadLetters()).toMatchObject([{ error: 'no', attempts: 1, event: { payload: '"a0"' } }])
    await only.answer([await only.delivered(2)], { case: 'failed', value: { error: 'never', isFinal: true } })
    expect(payloadOf(await only.delivered(3))).toBe('a2')
  })

  it('gets what was given back at once, and before what comes after it', async () => {
    const only = await node('n1', { maxLosses: 1 })
    await emitRounds('a', 2)
    for (let count = 1; count <= 4; count++) {
      const delivery = await only.delivered(count)
      expect([payloadOf(delivery), delivery.attempt]).toEqual(['a0', 1])
      await only.answer([delivery], released)
    }
    await only.answer([await only.delivered(5)], handled)
    expect(payloadOf(await only.delivered(6))).toBe('a1')
    expect(await deadLetters()).toEqual([])
  })

  it('leaves an event with a node that says that it works on it', async () => {
    const only = await node('n1')
    await emitRounds('a', 2)
    const delivery = await only.delivered(1)
    const until = performance.now() + 3_000
    await vi.waitFor(
      async () => {
        await only.answer([delivery], progress)
        expect(performance.now()).toBeGreaterThan(until)
      },
      { timeout: 20_000, interval: 200 },
    )
    expect(only.deliveries).toHaveLength(1)
    expect(await only.answer([delivery], handled)).toMatchObject([{ outcome: { case: 'noted' } }])
    expect(payloadOf(await only.delivered(2))).toBe('a1')
  })

  it('makes an event a dead letter that nodes were lost with too often, and goes on', async () => {
    const only = await node('n1', { maxLosses: 2 })
    await emitRounds('a', 2)
    await only.delivered(3)
    expect(only.deliveries.map(payloadOf)).toEqual(['a0', 'a0', 'a1'])
    expect(await deadLetters()).toMatchObject([{ reason: 2, event: { payload: '"a0"' } }])
  })

  it('does not listen to a node that was given up', async () => {
    const silent = await node('n1')
    await emitRounds('a', 2)
    const [first, second] = [await silent.delivered(1), await silent.delivered(2)]
    expect([payloadOf(first), payloadOf(second), second.redeliveries]).toEqual(['a0', 'a0', 1])
    for (const answer of [handled, failed(), released, progress]) {
      expect(await silent.answer([first], answer)).toMatchObject([{ outcome: { case: 'stale' } }])
    }
    expect(await silent.answer([second], handled)).toMatchObject([{ outcome: { case: 'noted' } }])
    expect(payloadOf(await silent.delivered(3))).toBe('a1')
    expect(await deadLetters()).toEqual([])
  })

  it('is not disturbed by deliveries that JetStream repeats', async () => {
    const only = await node('n1')
    const repeating = connection.subscribe('_INBOX.>', {
      callback: (_, { reply = '' }) => {
        if (reply.startsWith('$JS.ACK.') && reply.split('.')[4] === '1') connection.publish(reply, '-NAK')
      },
    })
    await emitRounds('ab', 10)
    const { seen } = await handleAll([only], 20)
    repeating.unsubscribe()
    expectOrder(seen, 'ab', 10)
    await expectEmpty()
    expect(only.deliveries).toEqual([])
  })
})

describe('a hand-over', () => {
  it('happens when the node that has the group is not heard of, though its stream is there', async () => {
    const silent = await node('n1', { maxLosses: 2 })
    await emitRounds('ab', 3)
    await silent.delivered(2)
    const next = await node('n2', { maxLosses: 2 })
    const { seen } = await handleAll([next], 6)
    expectOrder(seen, 'ab', 3)
    expect(await deadLetters()).toEqual([])
    await expectEmpty()
  })

  it('goes on with all keys but those that the former node works on, until its time is over', async () => {
    const former = await node('n1', { concurrency: 1 })
    await emitRounds('ab', 3)
    expect(payloadOf(await former.delivered(1))).toBe('a0')
    await former[Symbol.asyncDispose]()
    const next = await node('n2', { concurrency: 10 })
    const { seen } = await handleAll([next], 6)
    expect(seen[0]).toBe('b0')
    expectOrder(seen, 'ab', 3)
    await expectEmpty()
  })

  it('listens to the former node while its time is not over', async () => {
    const former = await node('n1', { ackMs: 60_000 })
    await emitRounds('a', 2)
    const delivery = await former.delivered(1)
    await former[Symbol.asyncDispose]()
    const next = await node('n2', { ackMs: 60_000 })
    expect(await former.answer([delivery], handled)).toMatchObject([{ outcome: { case: 'noted' } }])
    expect(payloadOf(await next.delivered(1))).toBe('a1')
    expect(next.deliveries).toHaveLength(1)
  })

  it('between nodes of two notifiers that come and go keeps the order', async () => {
    running.use(await startNotifier(events.store))
    await emitRounds('abc', 20)
    const seen: string[] = []
    for (let turn = 0; seen.length < 60; turn++) {
      const current = await node(`n${turn}`, { concurrency: 2 })
      seen.push(...(await handleAll([current], Math.min(15, 60 - seen.length))).seen)
      await current[Symbol.asyncDispose]()
    }
    expectOrder(seen, 'abc', 20)
    await expectEmpty()
  })

  it('goes to a node that waits when the one that has the group ends', async () => {
    const former = await node('n1')
    const waiting = await node('n2')
    await emitRounds('ab', 2)
    await former.delivered(2)
    expect(waiting.deliveries).toEqual([])
    await former.answer(former.deliveries.slice(0, 2), handled)
    await former.delivered(4)
    await former.answer(former.deliveries.slice(2, 4), released)
    await former[Symbol.asyncDispose]()
    await waiting.delivered(2)
    expect(waiting.deliveries.map(payloadOf).sort()).toEqual(['a1', 'b1'])
  })
})

it('when JetStream has lost everything, nothing comes again that was answered, and the order stays', async () => {
  const only = await node('n1', { concurrency: 10 })
  await emitRounds('abc', 4)
  await only.delivered(3)
  // The first ones stay open, so that what follows is above the floor.
  await only.answer(only.deliveries.slice(1, 3), handled)
  await only.delivered(5)
  await only.answer(only.deliveries.slice(3, 5), handled)
  await only.delivered(7)
  const before = only.deliveries.map(payloadOf)
  await events.wipe()
  await only.answer(only.deliveries.splice(0), handled)
  const { seen } = await handleAll([only], 5)
  expectOrder([...before, ...seen], 'abc', 4)
  await expectEmpty()
})

it('nodes that want an order and nodes that do not cannot share a subscription', async () => {
  await node('n1')
  await expect(node('n2', { inOrder: false })).rejects.toMatchObject({
    code: 'group_conflict',
    field: 'subscriptions[0].in_order',
  })
})

it('a stream that does not own a subscription any more gives nothing out, and loses nothing', async () => {
  const former = await node('n1')
  await events.emitKeyed('a', 'a0')
  await former.answer([await former.delivered(1)], handled)
  await former[Symbol.asyncDispose]()
  const { rows } = await events.pool.query<{ id: string }>('select id from event_subscription')
  const subscriptionId = rows[0]?.id ?? ''
  const place = { revision: 2, index: 0 }
  const lease = { subscriptionId, leaseMs: 60_000 }
  const taking = { subscriptionId, nodeId: 'n', candidates: [{ ...place, orderKey: 'a' }] }
  await vi.waitFor(
    async () => expect(await takeOwnership(events.pool, { ...lease, streamId: 'one' })).toBeDefined(),
    patience,
  )
  expect(await takeOwnership(events.pool, { ...lease, streamId: 'two' })).toBeUndefined()
  expect(await takeTurns(events.pool, { ...taking, streamId: 'two' })).toBeUndefined()
  expect(await takeTurns(events.pool, { ...taking, streamId: 'one' })).toEqual([{ orderKey: 'a', handings: 1 }])
  // It is with a node, and is not given out twice.
  expect(await takeTurns(events.pool, { ...taking, streamId: 'one' })).toEqual([])
  const turn = { subscriptionId, ...place, handing: 1 }
  expect(await changeTurns(events.pool, [{ ...turn, handing: 2 }], { isDone: true })).toEqual([])
  expect(await changeTurns(events.pool, [turn], { isDone: true })).toEqual([turn])
  expect(await loadTurns(events.pool, subscriptionId, ['a'])).toMatchObject([{ ...place, isDone: true }])
  expect(await takeTurns(events.pool, { ...taking, streamId: 'one' })).toEqual([])
})
