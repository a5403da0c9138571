import { nuid, type NatsConnection } from '@nats-io/transport-node'
import { DeadLetterService, DeliveryService, type DeadLetter } from '@qcore/contracts'
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream'
import { EventConsumers } from '../src/delivery/event-consumers.ts'
import { eventStreamName } from '@qcore/contracts'
import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { EventNode, failed, handled, progress, released, serviceClient } from './_event-node.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection, startNotifier } from './_notifier.ts'
import { errorOf } from './_registrations.ts'

const patience = { timeout: 20_000, interval: 20 }
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

async function depths(): Promise<{ queueDepth: bigint; deadLetterDepth: bigint; unclaimed: bigint }> {
  const client = await serviceClient(DeliveryService, connection, { store: events.store })
  return client.getDepths({ namespace: 'demo' })
}

async function deadLetters(): Promise<DeadLetter[]> {
  const client = await serviceClient(DeadLetterService, connection, { store: events.store })
  return (await client.listDeadLetters({ filter: { namespace: 'demo' } })).deadLetters
}

async function expectDepths(queueDepth: bigint, deadLetterDepth: bigint): Promise<void> {
  await vi.waitFor(async () => expect(await depths()).toMatchObject({ queueDepth, deadLetterDepth }), patience)
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const sorted = (values: unknown[]): unknown[] => [...values].sort((a, b) => Number(a) - Number(b))

describe('a group', () => {
  it('gets an event as it was emitted, once, and then no more', async () => {
    const only = await node('n1', { pattern: 'order.placed' })
    const [id] = await events.emit('order.placed', { number: 7 })
    const delivery = await only.delivered(1)
    expect(delivery).toMatchObject({ redeliveries: 0, attempt: 1, replayOf: '' })
    expect(delivery.event).toMatchObject({ id, namespace: 'demo', type: 'order.placed', payload: '{"number":7}' })
    expect(await only.answer([delivery], handled)).toMatchObject([{ outcome: { case: 'noted' } }])
    await expectDepths(0n, 0n)
    expect(only.deliveries).toHaveLength(1)
  })

  it('gets what was emitted before anybody wanted it', async () => {
    await events.emit('order.placed', 0, 1, 2)
    expect(await depths()).toMatchObject({ queueDepth: 3n, unclaimed: 3n })
    const only = await node('n1', { pattern: 'order.*', concurrency: 10 })
    await only.delivered(3)
    expect(only.payloads).toEqual([0, 1, 2])
    expect(await depths()).toMatchObject({ queueDepth: 3n, unclaimed: 0n })
  })

  it('shares its events out among its nodes', async () => {
    const both = [
      await node('n1', { pattern: '>', concurrency: 5 }),
      await node('n2', { pattern: '>', concurrency: 5 }),
    ]
    await events.emit('order.placed', ...numbers(60))
    const answered = new Set<unknown>()
    await vi.waitFor(async () => {
      for (const each of both) {
        const fresh = each.deliveries.filter(({ deliveryId }) => !answered.has(deliveryId))
        for (const { deliveryId } of fresh) answered.add(deliveryId)
        if (fresh.length > 0) await each.answer(fresh, handled)
      }
      expect(answered.size).toBe(60)
    }, patience)
    expect(sorted(both.flatMap(({ payloads }) => payloads))).toEqual(numbers(60))
    for (const each of both) expect(each.deliveries.length).toBeGreaterThan(0)
  })

  it('gets every event that another group gets too', async () => {
    const first = await node('n1', { pattern: '>', group: 'mail', concurrency: 10 })
    const second = await node('n2', { pattern: 'order.placed', group: 'stock', concurrency: 10, start: 1 })
    await events.emit('order.placed', ...numbers(10))
    await Promise.all([first.delivered(10), second.delivered(10)])
    expect(second.payloads).toEqual(numbers(10))
  })

  it('whose nodes want different types gives each only what it wants', async () => {
    const first = await node('n1', { pattern: 'a', concurrency: 200 })
    const second = await node('n2', { pattern: 'b', concurrency: 200 })
    for (const type of ['a', 'b', 'a']) await events.emit(type, ...numbers(30))
    await Promise.all([first.delivered(60), second.delivered(30)])
    expect(new Set(first.deliveries.map(({ event }) => event?.type))).toEqual(new Set(['a']))
    expect(second.deliveries).toHaveLength(30)
  })

  it('gives a node no more than it works on', async () => {
    const only = await node('n1', { pattern: '>', concurrency: 2 })
    await events.emit('a', ...numbers(5))
    await only.delivered(2)
    await only.answer(only.deliveries.slice(0, 1), handled)
    await only.delivered(3)
    expect(only.deliveries).toHaveLength(3)
    await expectDepths(4n, 0n)
  })

  it('gets its events one at a time, in order, if it wants to', async () => {
    const ordered = { pattern: '>', inOrder: true, concurrency: 10, maxAttempts: 5, retryMs: 50 }
    const both = [await node('n1', ordered), await node('n2', ordered)]
    await events.emit('a', ...numbers(6))
    const seen: unknown[] = []
    let hasFailed = false
    await vi.waitFor(async () => {
      const open = both.flatMap((each) => each.deliveries.splice(0).map((delivery) => ({ each, delivery })))
      expect(open.length).toBeLessThanOrEqual(1)
      for (const { each, delivery } of open) {
        const payload: unknown = JSON.parse(delivery.event?.payload ?? '')
        const fails = payload === 2 && !hasFailed
        if (fails) hasFailed = true
        else seen.push(payload)
        await each.answer([delivery], fails ? failed() : handled)
      }
      expect(seen).toHaveLength(6)
    }, patience)
    expect(seen).toEqual(numbers(6))
  })
})

describe('a broadcast', () => {
  it('reaches every node', async () => {
    const nodes = [
      await node('n1', { pattern: 'a', broadcast: true }),
      await node('n2', { pattern: 'a', broadcast: true }),
    ]
    await events.emit('a', 'x')
    for (const each of nodes) expect((await each.delivered(1)).event?.payload).toBe('"x"')
  })
})

describe('an event that fails', () => {
  it('comes again after a pause, and is a dead letter when it has failed as often as it may', async () => {
    const only = await node('n1', { pattern: 'a', maxAttempts: 3, retryMs: 50, mostRetryMs: 100 })
    await events.emit('a', { n: 1 })
    for (const attempt of [1, 2]) {
      const delivery = await only.delivered(attempt)
      expect(delivery).toMatchObject({ attempt, redeliveries: attempt - 1 })
      const [outcome] = await only.answer([delivery], failed(`no ${attempt}`))
      expect(outcome?.outcome.case).toBe('retryAfterMs')
    }
    const last = await only.delivered(3)
    expect(await only.answer([last], failed('no 3'))).toMatchObject([{ outcome: { case: 'deadLetter' } }])
    expect(await deadLetters()).toMatchObject([
      {
        group: 'default',
        reason: 1,
        error: 'no 3',
        attempts: 3,
        nodeId: 'n1',
        event: { type: 'a', payload: '{"n":1}' },
      },
    ])
    await expectDepths(0n, 1n)
  })

  it('is a dead letter at once where one attempt is all, or where it would fail again', async () => {
    const once = await node('n1', { pattern: 'a' })
    const often = await node('n2', { pattern: 'b', maxAttempts: 10 })
    await events.emit('a', 1)
    await events.emit('b', 2)
    await once.answer([await once.delivered(1)], failed())
    await often.answer([await often.delivered(1)], { case: 'failed', value: { error: 'never', isFinal: true } })
    expect((await deadLetters()).map(({ error }) => error).sort()).toEqual(['it failed', 'never'])
  })

  it('counts an answer once that comes twice', async () => {
    const only = await node('n1', { pattern: 'a', maxAttempts: 2, retryMs: 5_000 })
    await events.emit('a', 1)
    const delivery = await only.delivered(1)
    await only.answer([delivery], failed())
    expect(await only.answer([delivery], failed())).toMatchObject([{ outcome: { case: 'retryAfterMs' } }])
    expect(await deadLetters()).toEqual([])
  })

  it('is a dead letter instead of being given to a node when its time is over', async () => {
    const only = await node('n1', { pattern: 'a' })
    await events.emitExpired('a', 1)
    await vi.waitFor(async () => expect(await deadLetters()).toMatchObject([{ reason: 4, attempts: 0 }]), patience)
    expect(only.deliveries).toEqual([])
    await expectDepths(0n, 1n)
  })

  it('does not hold up others', async () => {
    const only = await node('n1', {
      pattern: '>',
      concurrency: 2,
      maxAttempts: 100,
      retryMs: 3_600_000,
      mostRetryMs: 3_600_000,
    })
    await events.emit('poison', 'x')
    await only.answer([await only.delivered(1)], failed())
    await events.emit('a', ...numbers(20))
    for (let count = 2; count <= 21; count++) await only.answer([await only.delivered(count)], handled)
    expect(only.payloads.slice(1)).toEqual(numbers(20))
  })
})

describe('an event that nobody answers', () => {
  it('is given to another node, and its late answer is taken', async () => {
    const silent = await node('n1', { pattern: 'a', ackMs: 1_000 })
    await events.emit('a', 1)
    const first = await silent.delivered(1)
    const other = await node('n2', { pattern: 'a', ackMs: 1_000 })
    const again = await Promise.race([other.delivered(1), silent.delivered(2)])
    expect(again).toMatchObject({ redeliveries: 1, attempt: 1 })
    await silent.answer([first], handled)
    await expectDepths(0n, 0n)
    expect(await deadLetters()).toEqual([])
  })

  it('stays with a node that says that it works on it', async () => {
    const only = await node('n1', { pattern: 'a', ackMs: 1_000 })
    await events.emit('a', 1)
    const delivery = await only.delivered(1)
    const until = performance.now() + 3_000
    await vi.waitFor(
      async () => {
        await only.answer([delivery], progress)
        expect(performance.now()).toBeGreaterThan(until)
      },
      { timeout: 10_000, interval: 200 },
    )
    expect(only.deliveries).toHaveLength(1)
    await only.answer([delivery], handled)
    await expectDepths(0n, 0n)
  })

  it('is a dead letter when nodes were lost with it too often', async () => {
    await node('n1', { pattern: 'a', ackMs: 1_000, maxLosses: 2, concurrency: 5 })
    await events.emit('a', 1)
    await vi.waitFor(async () => expect(await deadLetters()).toMatchObject([{ reason: 2, attempts: 0 }]), patience)
    await expectDepths(0n, 1n)
  })

  it('is never a dead letter for being given back', async () => {
    const only = await node('n1', { pattern: 'a', maxLosses: 1 })
    await events.emit('a', 1)
    for (let count = 1; count <= 5; count++) await only.answer([await only.delivered(count)], released)
    expect(await only.delivered(6)).toMatchObject({ attempt: 1, redeliveries: 5 })
    expect(await deadLetters()).toEqual([])
  })
})

describe('two patterns of a group', () => {
  it('that select the same types are refused on two nodes, and on one', async () => {
    await node('n1', { pattern: 'order.*' })
    const conflict = { code: 'group_conflict', field: 'subscriptions[0].pattern' }
    expect(await errorOf(node('n2', { pattern: 'order.placed' }))).toMatchObject(conflict)
    expect(await errorOf(node('n3', { pattern: 'a.>', group: 'g' }, { pattern: 'a.b', group: 'g' }))).toMatchObject({
      code: 'group_conflict',
      field: 'subscriptions[1].pattern',
    })
    await node('n4', { pattern: 'order.placed', group: 'other' })
  })

  it('replace each other when the former one is not consumed any more, and nothing is lost between', async () => {
    const former = await node('n1', { pattern: 'order.placed', concurrency: 1 })
    await events.emit('order.placed', 0, 1)
    await former.answer([await former.delivered(1)], handled)
    await vi.waitFor(async () => {
      const { rows } = await events.pool.query('select from event_subscription where floor_revision = 1')
      expect(rows).toHaveLength(1)
    }, patience)
    await former[Symbol.asyncDispose]()
    await events.emit('order.paid', 2)
    const latter = await vi.waitFor(() => node('n2', { pattern: 'order.*', concurrency: 10 }), patience)
    await latter.delivered(2)
    expect(latter.payloads).toEqual([1, 2])
  })
})

describe('when NATS has lost everything', () => {
  it('a group goes on where it was, and misses nothing', async () => {
    const only = await node('n1', { pattern: '>', concurrency: 10 })
    await events.emit('a', 0, 1, 2)
    await only.delivered(3)
    await only.answer(only.deliveries.slice(0, 2), handled)
    await vi.waitFor(async () => {
      const { rows } = await events.pool.query('select from event_subscription where floor_revision = 2')
      expect(rows).toHaveLength(1)
    }, patience)
    await events.wipe()
    await events.emit('a', 3)
    await vi.waitFor(() => expect(new Set(only.payloads.slice(3))).toEqual(new Set([2, 3])), { timeout: 40_000 })
    await only.answer(only.deliveries.slice(3), handled)
    await expectDepths(0n, 0n)
  })

  it('an answer from before is for no other event, though the stream counts anew', async () => {
    const only = await node('n1', { pattern: '>', concurrency: 20 })
    await events.emit('a', ...numbers(6))
    await only.delivered(6)
    const former = only.deliveries.slice(0, 6)
    await only.answer(former.slice(0, 2), handled)
    await vi.waitFor(async () => {
      const { rows } = await events.pool.query('select from event_subscription where floor_revision = 2')
      expect(rows).toHaveLength(1)
    }, patience)
    await events.wipe(1)
    await only.delivered(10, 40_000)
    const late = await only.answer(former.slice(2, 4), handled)
    expect(late).toMatchObject([{ outcome: { case: 'stale' } }, { outcome: { case: 'stale' } }])
    await expectDepths(4n, 0n)
    await only.answer(only.deliveries.slice(6), handled)
    expect(sorted(only.payloads.slice(6))).toEqual([2, 3, 4, 5])
    await expectDepths(0n, 0n)
  })

  it('consumers that nobody needs any more are deleted, and no others', async () => {
    await node('n1', { pattern: 'a' })
    await node('n2', { pattern: 'b', inOrder: true })
    const { consumers } = await jetstreamManager(connection)
    const stream = eventStreamName(events.store)
    const names = async (): Promise<string[]> =>
      (await consumers.list(stream).next()).map(({ name }) => name).sort((a, b) => a.localeCompare(b))
    await vi.waitFor(async () => expect(await names()).toHaveLength(2), patience)
    const needed = await names()
    for (const name of ['own', `${nuid.next()}-1700000000000000`, nuid.next()]) {
      await consumers.add(stream, { durable_name: name, ack_policy: AckPolicy.Explicit })
    }
    const own = new EventConsumers(connection, events.store, events.pool)
    const before = await names()
    await own.sweep(60_000)
    expect(await names()).toEqual(before)
    await own.sweep(0)
    const gone = before.filter((name) => name.endsWith('-1700000000000000'))
    expect(gone).toHaveLength(1)
    expect(await names()).toEqual(before.filter((name) => !gone.includes(name)))
    expect(await names()).toEqual(expect.arrayContaining(needed))
  })

  it('a dead letter stays dead, and the attempts of what is to be tried again count', async () => {
    const only = await node('n1', {
      pattern: '>',
      concurrency: 10,
      maxAttempts: 2,
      retryMs: 3_600_000,
      mostRetryMs: 3_600_000,
    })
    await events.emit('a', 'dead', 'failing')
    await only.delivered(2)
    const [dead, failing] = only.deliveries
    if (dead === undefined || failing === undefined) throw new Error('two deliveries')
    await only.answer([dead], { case: 'failed', value: { error: 'x', isFinal: true } })
    await only.answer([failing], failed('first'))
    await events.wipe()
    const again = await only.delivered(3, 40_000)
    expect(again).toMatchObject({ event: { payload: '"failing"' }, attempt: 2 })
    expect(await only.answer([again], failed('second'))).toMatchObject([{ outcome: { case: 'deadLetter' } }])
    expect((await deadLetters()).map(({ error }) => error).sort()).toEqual(['second', 'x'])
    expect(only.deliveries).toHaveLength(3)
  })
})

describe('several notifiers', () => {
  it("take each other's answers", async () => {
    running.use(await startNotifier(events.store))
    const nodes = [
      await node('n1', { pattern: '>', concurrency: 1 }),
      await node('n2', { pattern: '>', concurrency: 1 }),
    ]
    await events.emit('a', ...numbers(40))
    const seen: unknown[] = []
    await vi.waitFor(async () => {
      for (const each of nodes) {
        const fresh = each.deliveries.splice(0)
        seen.push(...fresh.map(({ event }) => JSON.parse(event?.payload ?? '') as unknown))
        if (fresh.length > 0) await each.answer(fresh, handled)
      }
      expect(seen).toHaveLength(40)
    }, patience)
    expect(sorted(seen)).toEqual(numbers(40))
  })

  it('take nodes over from one that stops, with what these work on', async () => {
    const first = await startNotifier(events.store)
    const only = await node('n1', { pattern: '>', concurrency: 2, ackMs: 30_000 })
    await events.emit('a', ...numbers(4))
    await only.delivered(2)
    await first[Symbol.asyncDispose]()
    const held = only.deliveries.map(({ deliveryId }) => deliveryId)
    const next = running.use(
      await EventNode.start(connection, events.store, {
        nodeId: 'n1',
        subscriptions: [{ pattern: '>', concurrency: 2, ackMs: 30_000 }],
        held,
      }),
    )
    await next.answer(only.deliveries, handled)
    await next.delivered(2)
    expect(next.payloads).toEqual([2, 3])
  })
})

describe('the groups of a namespace', () => {
  it('are listed with what waits for them, and a subscription is deleted that nobody consumes', async () => {
    const client = await serviceClient(DeliveryService, connection, { store: events.store })
    const only = await node('n1', { pattern: 'a', concurrency: 1, maxAttempts: 4 })
    await events.emit('a', 1, 2, 3)
    await only.delivered(1)
    expect((await client.listGroups({ namespace: 'demo' })).subscriptions).toMatchObject([
      { group: 'default', pattern: 'a', pending: 2n, unanswered: 1n, nodes: ['n1'], maxAttempts: 4 },
    ])
    const named = { namespace: 'demo', group: 'default', pattern: 'a' }
    expect(await errorOf(client.deleteSubscription(named))).toMatchObject({ code: 'group_conflict' })
    await only[Symbol.asyncDispose]()
    await vi.waitFor(() => client.deleteSubscription(named), patience)
    expect((await client.listGroups({ namespace: 'demo' })).subscriptions).toEqual([])
    const { consumers } = await jetstreamManager(connection)
    expect(await consumers.list(eventStreamName(events.store)).next()).toEqual([])
  })
})

describe('what is refused', () => {
  it.each([
    ['a node that is not registered', { nodeId: 'nobody', instance: 'instance-1' }, 'unknown_node', 'node_id'],
    ['another instance of a node', { nodeId: 'n1', instance: 'instance-2' }, 'node_replaced', 'instance'],
    ['a pattern that is none', { subscriptions: [{ pattern: 'a..b' }] }, 'invalid_request', 'subscriptions[0].pattern'],
    [
      'a short time for answers',
      { subscriptions: [{ pattern: 'a', ackMs: 10 }] },
      'invalid_request',
      'subscriptions[0].ack_ms',
    ],
    ['nothing to handle', { subscriptions: [] }, 'invalid_request', 'subscriptions'],
  ])('%s', async (_, given, code, field) => {
    await node('n1', { pattern: 'x' })
    const client = await serviceClient(DeliveryService, connection, { store: events.store })
    const good = { namespace: 'demo', nodeId: 'n1', instance: 'instance-1', subscriptions: [{ pattern: 'a' }] }
    const stream = client.consume({ ...good, ...given })[Symbol.asyncIterator]()
    expect(await errorOf(stream.next())).toMatchObject({ code, field })
  })

  it('depths of a namespace that is not there, instead of a false zero', async () => {
    const client = await serviceClient(DeliveryService, connection, { store: events.store })
    expect(await errorOf(client.getDepths({ namespace: 'nowhere' }))).toMatchObject({ code: 'unknown_namespace' })
    const { streams } = await jetstreamManager(connection)
    await node('n1', { pattern: 'x' })
    await streams.delete(eventStreamName(events.store))
    expect(await errorOf(client.getDepths({ namespace: 'demo' }))).toMatchObject({ code: 'unavailable' })
  })

  it('a namespace that the scopes of the token leave out', async () => {
    const only = await node('n1', { pattern: 'a' })
    await events.emit('a', 1)
    const { deliveryId } = await only.delivered(1)
    const other = { store: events.store, scopes: ['namespace:other'] }
    const client = await serviceClient(DeliveryService, connection, other)
    const letters = await serviceClient(DeadLetterService, connection, other)
    const denied = { code: 'permission_denied', field: 'namespace' }
    const own = { namespace: 'demo', nodeId: 'n1', instance: 'instance-1' }
    const stream = client.consume({ ...own, subscriptions: [{ pattern: 'a' }] })[Symbol.asyncIterator]()
    expect(await errorOf(stream.next())).toMatchObject(denied)
    const answers = [{ deliveryId, answer: handled }]
    expect(await errorOf(client.ack({ ...own, answers }))).toMatchObject(denied)
    expect(await client.ack({ ...own, namespace: 'other', answers })).toMatchObject({
      outcomes: [{ outcome: { case: 'stale' } }],
    })
    expect(await errorOf(client.getDepths({ namespace: 'demo' }))).toMatchObject(denied)
    expect(await errorOf(client.listGroups({ namespace: 'demo' }))).toMatchObject(denied)
    expect(await errorOf(client.deleteSubscription({ namespace: 'demo', group: 'g', pattern: 'a' }))).toMatchObject(
      denied,
    )
    const filter = { namespace: 'demo' }
    for (const call of [() => letters.listDeadLetters({ filter }), () => letters.groupDeadLetters({ filter })]) {
      expect(await errorOf(call())).toMatchObject({ code: 'permission_denied', field: 'filter.namespace' })
    }
    expect(await errorOf(letters.purgeDeadLetters({ filter }))).toMatchObject({ code: 'permission_denied' })
    expect(await errorOf(letters.getDeadLetter({ namespace: 'demo', deadLetterId: '1' }))).toMatchObject(denied)
    expect(await errorOf(letters.listDeadLetterActions({ namespace: 'demo' }))).toMatchObject(denied)
    await expectDepths(1n, 0n)
  })

  it('answers to what is no delivery: they are stale', async () => {
    const client = await serviceClient(DeliveryService, connection, { store: events.store })
    const answers = ['x', 's:1.0:q.demo.log', 's:r7.1'].map((deliveryId) => ({ deliveryId, answer: handled }))
    const { outcomes } = await client.ack({ namespace: 'demo', nodeId: 'n1', answers })
    expect(outcomes.map(({ outcome }) => outcome.case)).toEqual(['stale', 'stale', 'stale'])
  })
})
