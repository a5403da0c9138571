import type { Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  AccessLevel,
  DeadLetterReason,
  DeadLetterService,
  DeadLetterState,
  DeliveryService,
  SubscriptionStart,
  type DeadLetter,
} from '@qcore/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { EventNode, failed, handled, progress, released, serviceClient } from './_event-node.ts'
import { createEventStore, type EventStore } from './_event-store.ts'
import { openConnection, startNotifier } from './_notifier.ts'
import { errorOf } from './_registrations.ts'

const patience = { timeout: 20_000, interval: 20 }
const namespace = 'demo'
let connection: NatsConnection
let events: EventStore
let running: AsyncDisposableStack
let client: Client<typeof DeadLetterService>

beforeAll(async () => {
  connection = await openConnection()
})
afterAll(() => connection.close())

beforeEach(async () => {
  running = new AsyncDisposableStack()
  events = running.use(await createEventStore(connection))
  running.use(await startNotifier(events.store, { Q_EVENT_UNCLAIMED_SECONDS: '3' }))
  client = await serviceClient(DeadLetterService, connection, { store: events.store })
})
afterEach(() => running.disposeAsync())

async function node(nodeId: string, pattern: string, group = ''): Promise<EventNode> {
  const subscriptions = [{ pattern, group, concurrency: 100, ackMs: 1_000, maxLosses: 1_000 }]
  return running.use(await EventNode.start(connection, events.store, { nodeId, subscriptions }))
}

/** Lets events die, one for each error. */
async function die(only: EventNode, type: string, ...errors: string[]): Promise<void> {
  const before = only.deliveries.length
  await events.emit(type, ...errors)
  await only.delivered(before + errors.length)
  for (const delivery of only.deliveries.slice(before)) {
    await only.answer([delivery], failed(String(JSON.parse(delivery.event?.payload ?? ''))))
  }
}

async function list(filter: Parameters<typeof client.listDeadLetters>[0]['filter'] = {}): Promise<DeadLetter[]> {
  return (await client.listDeadLetters({ filter: { namespace, ...filter } })).deadLetters
}

async function stateOf(deadLetterId: string): Promise<DeadLetter | undefined> {
  return (await client.getDeadLetter({ namespace, deadLetterId })).deadLetter
}

describe('dead letters', () => {
  it('are listed, the newest first, by what is asked for, page by page', async () => {
    const first = await node('n1', 'a.*')
    const second = await node('n2', 'a.one', 'other')
    await die(first, 'a.one', 'e1', 'e2')
    await die(first, 'a.two', 'e3')
    await second.delivered(2)
    expect((await list()).map(({ error }) => error)).toEqual(['e3', 'e2', 'e1'])
    expect(await list({ type: 'a.two' })).toMatchObject([{ error: 'e3' }])
    expect(await list({ type: 'a.*', group: 'other' })).toEqual([])
    expect(await list({ nodeId: 'n1', reason: DeadLetterReason.FAILED })).toHaveLength(3)
    expect(await list({ reason: DeadLetterReason.UNHANDLED })).toEqual([])
    const [newest] = await list()
    if (newest?.deathTime === undefined) throw new Error('a time')
    expect(await list({ fromTime: newest.deathTime })).toHaveLength(1)
    expect(await list({ toTime: newest.deathTime })).toHaveLength(2)
    expect(await list({ deadLetterIds: [newest.deadLetterId] })).toEqual([await stateOf(newest.deadLetterId)])
    const page = await client.listDeadLetters({ filter: { namespace }, limit: 2 })
    const rest = await client.listDeadLetters({ filter: { namespace }, limit: 2, cursor: page.nextCursor })
    expect([...page.deadLetters, ...rest.deadLetters].map(({ error }) => error)).toEqual(['e3', 'e2', 'e1'])
    expect(rest.nextCursor).toBe('')
  })

  it('are counted by what they died of', async () => {
    const only = await node('n1', '>')
    await die(only, 'a', 'order 1 failed', 'order 2 failed', 'no stock')
    await die(only, 'b', 'order 3 failed')
    const { kinds } = await client.groupDeadLetters({ filter: { namespace } })
    expect(kinds.map(({ type, count, error }) => [type, Number(count), error])).toEqual(
      expect.arrayContaining([
        ['a', 2, 'order 2 failed'],
        ['a', 1, 'no stock'],
        ['b', 1, 'order 3 failed'],
      ]),
    )
    expect(Number(kinds[0]?.count)).toBe(2)
    expect(await list({ fingerprint: kinds[0]?.fingerprint ?? '' })).toHaveLength(2)
  })

  it('are counted however much their errors say together', async () => {
    const columns = `namespace, group_name, event_index, event_id, emitted_us, type, payload, producer, correlation_id, order_key,
      attributes, writer, reason, fingerprint, attempts, node_id, died_at, error`
    await events.pool.query(`
      insert into dead_letter (revision, ${columns})
      values (1, 'demo', 'g', 0, 'e', 0, 'a', '1', '', '', '', '', 'w', 1, 'f', 1, '', now(), repeat('x', 100000000))`)
    // What is copied stays compressed. Together it is more than one value of PostgreSQL holds.
    await events.pool.query(`
      insert into dead_letter (revision, ${columns}) select n, ${columns} from dead_letter, generate_series(2, 12) n`)
    const { kinds } = await client.groupDeadLetters({ filter: { namespace } })
    expect(kinds.map(({ count, error }) => [Number(count), error])).toEqual([[12, 'x'.repeat(500)]])
  })

  it('fit into a message, however large their events are', async () => {
    const only = await node('n1', '>')
    await events.emit('a', ...Array.from({ length: 6 }, () => 'x'.repeat(200_000)))
    await only.delivered(6)
    await only.answer(only.deliveries, failed())
    const { deadLetters, nextCursor } = await client.listDeadLetters({ filter: { namespace } })
    expect(deadLetters.length).toBeGreaterThan(0)
    expect(deadLetters.length).toBeLessThan(6)
    expect(nextCursor).not.toBe('')
  })
})

describe('a replay', () => {
  it('gives the event to its group alone, with an id of its own, and is over when it is handled', async () => {
    const only = await node('n1', 'a')
    const other = await node('n2', 'a', 'other')
    await die(only, 'a', 'e1')
    await other.answer([await other.delivered(1)], handled)
    const [letter] = await list()
    const deadLetterId = letter?.deadLetterId ?? ''
    const { count, actionId } = await client.replayDeadLetters({ filter: { namespace, deadLetterIds: [deadLetterId] } })
    expect(count).toBe(1n)
    const delivery = await only.delivered(2)
    expect(delivery).toMatchObject({ replayOf: letter?.event?.id, attempt: 2, redeliveries: 0 })
    expect(delivery.event).toMatchObject({ id: `${letter?.event?.id}~1`, type: 'a', payload: '"e1"' })
    expect(await stateOf(deadLetterId)).toMatchObject({ state: DeadLetterState.REPLAYING, replayActionId: actionId })
    await only.answer([delivery], handled)
    expect(await stateOf(deadLetterId)).toMatchObject({ state: DeadLetterState.REPLAYED, replays: 1 })
    expect(await list()).toEqual([])
    expect(await list({ state: DeadLetterState.REPLAYED })).toHaveLength(1)
    expect(other.deliveries).toHaveLength(1)
  })

  it('that fails is a dead letter again, with its attempts', async () => {
    const only = await node('n1', 'a')
    await die(only, 'a', 'e1')
    await client.replayDeadLetters({ filter: { namespace } })
    const outcomes = await only.answer([await only.delivered(2)], failed('still'))
    expect(outcomes).toMatchObject([{ outcome: { case: 'deadLetter' } }])
    expect(await list()).toMatchObject([{ error: 'still', attempts: 2, state: DeadLetterState.DEAD }])
    await client.replayDeadLetters({ filter: { namespace } })
    expect(await only.delivered(3)).toMatchObject({ event: { id: expect.stringMatching(/~2$/) as string } })
  })

  it('of many is by filter, counted first, and no faster than asked for', async () => {
    const only = await node('n1', '>')
    await die(only, 'a', 'e1', 'e2', 'e3', 'e4')
    await die(only, 'b', 'e5')
    const filter = { namespace, type: 'a' }
    expect(await client.replayDeadLetters({ filter, dryRun: true })).toMatchObject({ count: 4n, actionId: '' })
    expect(only.deliveries).toHaveLength(5)
    expect(await client.replayDeadLetters({ filter, perSecond: 1, limit: 3 })).toMatchObject({ count: 3n })
    const { rows } = await events.pool.query<{ gaps: number[] }>(
      `select array_agg(extract(epoch from due_at - first)::float order by due_at) as gaps
      from dead_letter, (select min(due_at) as first from dead_letter) firsts where state = 2`,
    )
    expect(rows[0]?.gaps).toEqual([0, 1, 2])
    for (const count of [6, 7, 8]) await only.answer([await only.delivered(count)], handled)
    expect(only.payloads.slice(5)).toEqual(['e1', 'e2', 'e3'])
    expect(await client.replayDeadLetters({ filter: { namespace, type: 'none' } })).toMatchObject({
      count: 0n,
      actionId: '',
    })
  })

  it('that a node was lost with goes to another one; its late answer is stale', async () => {
    const lost = await node('n1', 'a')
    await die(lost, 'a', 'e1')
    await client.replayDeadLetters({ filter: { namespace } })
    const first = await lost.delivered(2)
    await lost[Symbol.asyncDispose]()
    const next = await node('n2', 'a')
    const again = await next.delivered(1)
    expect(again).toMatchObject({ redeliveries: 1, event: { id: first.event?.id } })
    expect(await lost.answer([first], handled)).toMatchObject([{ outcome: { case: 'stale' } }])
    await next.answer([again], released)
    const last = await next.delivered(2)
    await next.answer([last], progress)
    await next.answer([last], handled)
    expect(await list()).toEqual([])
  })

  it('keeps its time for an answer when its node says that it works on it', async () => {
    const subscriptions = [{ pattern: 'a', ackMs: 600_000 }]
    const only = running.use(await EventNode.start(connection, events.store, { nodeId: 'n1', subscriptions }))
    await die(only, 'a', 'e1')
    await client.replayDeadLetters({ filter: { namespace } })
    const delivery = await only.delivered(2)
    await only.answer([delivery], progress)
    const { rows } = await events.pool.query(
      `select extract(epoch from claimed_until - clock_timestamp())::float as seconds from dead_letter`,
    )
    expect(rows).toEqual([{ seconds: expect.closeTo(600, -2) as number }])
    await only.answer([delivery], handled)
  })

  it('that no group would take is none; one that waits for its group can be purged', async () => {
    const only = await node('n1', 'a')
    await die(only, 'a', 'e1', 'e2')
    await only[Symbol.asyncDispose]()
    const [letter] = await list()
    const deadLetterIds = [letter?.deadLetterId ?? '']
    expect(await client.replayDeadLetters({ filter: { namespace, deadLetterIds } })).toMatchObject({ count: 1n })
    const delivery = await serviceClient(DeliveryService, connection, { store: events.store })
    await vi.waitFor(() => delivery.deleteSubscription({ namespace, group: 'default', pattern: 'a' }), patience)
    expect(await client.replayDeadLetters({ filter: { namespace } })).toMatchObject({ count: 0n })
    expect(await client.purgeDeadLetters({ filter: { namespace } })).toMatchObject({ count: 1n })
    const filter = { namespace, state: DeadLetterState.REPLAYING }
    expect(await client.purgeDeadLetters({ filter, dryRun: true })).toMatchObject({ count: 1n })
    expect(await client.purgeDeadLetters({ filter })).toMatchObject({ count: 1n })
    expect(await list()).toEqual([])
  })

  it('that a node works on is not purged', async () => {
    const subscriptions = [{ pattern: 'a', ackMs: 600_000 }]
    const only = running.use(await EventNode.start(connection, events.store, { nodeId: 'n1', subscriptions }))
    await die(only, 'a', 'e1')
    await client.replayDeadLetters({ filter: { namespace } })
    const delivery = await only.delivered(2)
    await only.answer([delivery], progress)
    const filter = { namespace, state: DeadLetterState.REPLAYING }
    expect(await client.purgeDeadLetters({ filter })).toMatchObject({ count: 0n })
    await only.answer([delivery], handled)
  })

  it('survives the loss of NATS', async () => {
    const only = await node('n1', 'a')
    await die(only, 'a', 'e1')
    await events.wipe()
    await client.replayDeadLetters({ filter: { namespace } })
    await only.answer([await only.delivered(2)], handled)
    expect(await list()).toEqual([])
  })
})

describe('an event that no group wants', () => {
  it('is a dead letter after a time, unlike one that a group wants', async () => {
    await node('n1', 'wanted', 'g')
    await events.emit('wanted', 1)
    await events.emit('unwanted', 2)
    await vi.waitFor(async () => expect(await list()).toHaveLength(1), patience)
    expect(await list()).toMatchObject([
      { group: '', reason: DeadLetterReason.UNHANDLED, attempts: 0, event: { type: 'unwanted', payload: '2' } },
    ])
    expect(await errorOf(client.replayDeadLetters({ filter: { namespace, group: '' } }))).toMatchObject({
      code: 'invalid_request',
      field: 'to_group',
    })
    expect(await client.replayDeadLetters({ filter: { namespace } })).toMatchObject({ count: 0n })
    const late = await node('n2', 'unwanted')
    await events.emit('unwanted', 3)
    expect((await late.delivered(1)).event?.payload).toBe('3')
    await client.replayDeadLetters({ filter: { namespace, group: '' }, toGroup: 'default' })
    expect(await late.delivered(2)).toMatchObject({ event: { payload: '2' }, attempt: 1 })
  })
})

describe('an event that no group wanted', () => {
  it('is not replayed to a group that has a dead letter of it, nor to one that is not there', async () => {
    await events.emit('a', 'x')
    await vi.waitFor(async () => expect(await list()).toHaveLength(1), patience)
    const subscriptions = [{ pattern: 'a', start: SubscriptionStart.OLDEST }]
    const late = running.use(await EventNode.start(connection, events.store, { nodeId: 'n1', subscriptions }))
    await late.answer([await late.delivered(1)], failed('once more'))
    expect(await list()).toHaveLength(2)
    const filter = { namespace, group: '' }
    expect(await client.replayDeadLetters({ filter, toGroup: 'default' })).toMatchObject({ count: 0n })
    expect(await errorOf(client.replayDeadLetters({ filter, toGroup: 'defualt' }))).toMatchObject({
      code: 'invalid_request',
      field: 'to_group',
    })
  })

  it('is forgotten in the end; other dead letters are not', async () => {
    running.use(await startNotifier(events.store, { Q_EVENT_UNCLAIMED_SECONDS: '3', Q_EVENT_UNHANDLED_SECONDS: '1' }))
    const only = await node('n1', 'wanted')
    await die(only, 'wanted', 'e1')
    await events.emit('unwanted', 1)
    await vi.waitFor(async () => {
      expect((await events.pool.query('select from event_unclaimed where revision = 2')).rows).toHaveLength(1)
      expect(await list()).toMatchObject([{ error: 'e1' }])
    }, patience)
  })

  it('is forgotten however many there are, though another task of the house fails', async () => {
    await events.pool.query('drop table event_unclaimed')
    await events.pool.query(`
      insert into dead_letter (
        namespace, group_name, revision, event_index, event_id, emitted_us, type, payload, producer, correlation_id, order_key,
        attributes, writer, reason, error, fingerprint, attempts, node_id, died_at, state, replayed_at)
      select 'demo', '', 1000 + n, 0, 'e' || n, 0, 'a', '1', '', '', '', '', 'w', 3, '', '', 0, '', now() - interval '60 days',
        case when n % 2 = 0 then 1 else 3 end, case when n % 2 = 0 then null else now() - interval '60 days' end
      from generate_series(1, 24000) n`)
    const left = 'select from dead_letter limit 1'
    await vi.waitFor(async () => expect((await events.pool.query(left)).rowCount).toBe(0), patience)
  })

  it('is looked up by an index when it is to be forgotten', async () => {
    const connection = await events.pool.connect()
    try {
      await connection.query('begin')
      await connection.query('set local enable_seqscan = off; set local enable_bitmapscan = off')
      for (const [condition, column, index] of [
        ['state = 3', 'replayed_at', 'dead_letter_replayed'],
        [`state = 1 and group_name = ''`, 'died_at', 'dead_letter_unwanted'],
      ] as const) {
        const { rows } = await connection.query(
          `explain select id from dead_letter where ${condition} and ${column} < now() order by ${column} limit 10`,
        )
        expect(JSON.stringify(rows)).toContain(`${index} on`)
      }
    } finally {
      await connection.query('rollback')
      connection.release()
    }
  })

  it('is none where a broadcast reached every node', async () => {
    const subscriptions = [{ pattern: 'heard', broadcast: true }]
    const only = running.use(await EventNode.start(connection, events.store, { nodeId: 'n1', subscriptions }))
    await events.emit('heard', 1)
    await only.answer([await only.delivered(1)], handled)
    await events.emit('unheard', 2)
    await vi.waitFor(async () => expect(await list()).toMatchObject([{ event: { type: 'unheard' } }]), patience)
  })
})

describe('what is done with dead letters', () => {
  it('is noted with who did it, and to which', async () => {
    const only = await node('n1', '>')
    await die(only, 'a', 'e1', 'e2')
    await die(only, 'b', 'e3')
    expect(await client.purgeDeadLetters({ filter: { namespace, type: 'a' }, dryRun: true })).toMatchObject({
      count: 2n,
    })
    expect(await list()).toHaveLength(3)
    expect(await client.purgeDeadLetters({ filter: { namespace, type: 'a' } })).toMatchObject({ count: 2n })
    expect(await list()).toMatchObject([{ error: 'e3' }])
    await client.replayDeadLetters({ filter: { namespace } })
    const { actions } = await client.listDeadLetterActions({ namespace })
    expect(actions).toMatchObject([
      { kind: 'replay', subject: 'tester', count: 1n, filter: { namespace } },
      { kind: 'purge', subject: 'tester', count: 2n, filter: { type: 'a' } },
    ])
  })

  it('needs a token that may write', async () => {
    const reader = await serviceClient(DeadLetterService, connection, { store: events.store, level: AccessLevel.READ })
    expect(await errorOf(reader.replayDeadLetters({ filter: { namespace } }))).toMatchObject({
      code: 'permission_denied',
    })
    expect(await errorOf(reader.purgeDeadLetters({ filter: { namespace } }))).toMatchObject({
      code: 'permission_denied',
    })
    await reader.listDeadLetters({ filter: { namespace } })
  })

  it('is refused for what cannot be', async () => {
    expect(await errorOf(client.listDeadLetters({}))).toMatchObject({ code: 'invalid_request', field: 'filter' })
    expect(await errorOf(client.getDeadLetter({ namespace, deadLetterId: '99' }))).toMatchObject({
      code: 'unknown_dead_letter',
    })
    const replayed = { namespace, state: DeadLetterState.REPLAYED }
    expect(await errorOf(client.replayDeadLetters({ filter: replayed }))).toMatchObject({
      code: 'invalid_request',
      field: 'filter.state',
    })
  })
})
