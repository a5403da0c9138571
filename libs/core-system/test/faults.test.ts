import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { enterInbox } from '../src/database/inbox.ts'
import { inTransaction } from '../src/database/transaction.ts'
import type { CoreNode, CoreSystem } from '../src/index.ts'
import { startHangingNode } from './_node-process.ts'
import { startNotifier, type NotifierProcess } from './_notifier-process.ts'
import { startStore, type TestStore } from './_store.ts'

const patience = { timeout: 40_000, interval: 20 }
let store: TestStore
let system: CoreSystem
let namespaces = 0

beforeAll(async () => {
  store = await startStore('writer,reader,auth')
})
afterAll(() => store[Symbol.asyncDispose]())

let notifiers: AsyncDisposableStack
let notifier: NotifierProcess

beforeEach(async () => {
  namespaces += 1
  notifiers = new AsyncDisposableStack()
  notifier = notifiers.use(startNotifier(store.env))
  system = await store.system({ namespace: `faults-${namespaces}` })
})
afterEach(async () => {
  await system.close()
  await notifiers.disposeAsync()
})

async function worker(onHandled: () => void = () => undefined): Promise<CoreNode> {
  const node = await vi.waitFor(() => system.registerNode(), patience)
  await node.onEvent(
    'a',
    async (event, { client }) => {
      await client.query('insert into effect (event, note) values ($1, $2)', [
        event.messageId,
        String(event.redeliveryCount),
      ])
      onHandled()
    },
    { ackMs: 1_000, maxLosses: 100, concurrency: 4 },
  )
  await node.start()
  return node
}

async function notes(ids: readonly string[]): Promise<{ event: string; note: string }[]> {
  const { rows } = await store.pool.query<{ event: string; note: string }>(
    'select event, note from effect where event = any($1)',
    [ids],
  )
  return rows
}

async function expectOnceEach(ids: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect((await notes(ids)).length).toBeGreaterThanOrEqual(ids.length), patience)
  expect((await notes(ids)).map(({ event }) => event).sort()).toEqual([...ids].sort())
  await vi.waitFor(
    async () => expect(await system.metrics()).toEqual({ queueDepth: 0, deadLetterQueueDepth: 0 }),
    patience,
  )
}

describe('effects happen once, and nothing is lost, when', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)('a node gets %s while it handles an event', async (signal) => {
    await vi.waitFor(() => system.client.events.nodes.list().next(), patience)
    await using hanging = await startHangingNode(store, system.namespace)
    const emitter = await system.registerNode()
    const id = await emitter.emit('a')
    await hanging.handling
    await worker()
    hanging.signal(signal)
    if (signal === 'SIGSTOP') {
      // Its transaction is open, and holds the event in the inbox, until the process is gone.
      await vi.waitFor(async () => {
        const { rows } = await store.pool.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into qcore_inbox%'`,
        )
        expect(rows.length).toBeGreaterThan(0)
      }, patience)
      hanging.signal('SIGKILL')
    }
    await hanging.exited
    await expectOnceEach([id])
    const [only] = await notes([id])
    expect(Number(only?.note)).toBeGreaterThanOrEqual(1)
  })

  it('the notifier is killed while events are handled', async () => {
    let handled = 0
    const node = await worker(() => void handled++)
    const emitting = Promise.all(Array.from({ length: 200 }, (_, n) => node.emit('a', n)))
    await vi.waitFor(() => expect(handled).toBeGreaterThan(20), patience)
    await notifier.kill()
    const ids = await emitting
    notifiers.use(startNotifier(store.env))
    await expectOnceEach(ids)
  })

  it('JetStream loses the stream of events with all its consumers while events are handled', async () => {
    let handled = 0
    const node = await worker(() => void handled++)
    const before = await Promise.all(Array.from({ length: 100 }, (_, n) => node.emit('a', n)))
    await vi.waitFor(() => expect(handled).toBeGreaterThan(20), patience)
    const connection = await connect({ servers: new URL(inject('natsUrl')).host })
    const manager = await jetstreamManager(connection)
    await manager.streams.delete(`Q_${store.name}_EVENTS`)
    await connection.close()
    const after = await Promise.all(Array.from({ length: 100 }, (_, n) => node.emit('a', n)))
    await expectOnceEach([...before, ...after])
  })
})

it('a stop ends soon when no notifier answers, also while handlers change', async () => {
  const node = await vi.waitFor(() => system.registerNode(), patience)
  const begun = Promise.withResolvers<void>()
  await node.onEvent('a', async () => {
    begun.resolve()
    await new Promise(() => undefined)
  })
  await node.start()
  await node.emit('a')
  await begun.promise
  await notifier.kill()
  const changing = node.onEvent('b', () => undefined)
  await node.stop({ timeoutMs: 100 })
  await changing
})

it('an event that two nodes handle at once has its effects once', async () => {
  const database = system.getDatabase()
  if (database === undefined) throw new Error('a database')
  const entry = { store: store.name, namespace: system.namespace, group: 'g', event: 'x' }
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, () => inTransaction(database, (client) => enterInbox(client, entry, '0'))),
  )
  expect(outcomes.filter(Boolean)).toHaveLength(1)
  await expect(
    inTransaction(database, async (client) => {
      await enterInbox(client, { ...entry, event: 'y' }, '0')
      throw new Error('undone')
    }),
  ).rejects.toThrow('undone')
  expect(await inTransaction(database, (client) => enterInbox(client, { ...entry, event: 'y' }, '0'))).toBe(true)
})
