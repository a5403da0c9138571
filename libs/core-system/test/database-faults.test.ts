import type { DeadLetter } from '@qcore/client'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { inTransaction } from '../src/database/transaction.ts'
import type { CoreEvent, CoreNode, CoreSystem, CoreSystemOptions, HandlerContext } from '../src/index.ts'
import { startStore, type TestStore } from './_store.ts'

const patience = { timeout: 50_000, interval: 20 }
let store: TestStore
let running: AsyncDisposableStack
let proxy: FaultProxy
let warnings: string[]
let namespaces = 0

beforeAll(async () => {
  store = await startStore('writer,reader,notifier,auth')
})
afterAll(() => store[Symbol.asyncDispose]())

beforeEach(async () => {
  namespaces += 1
  warnings = []
  running = new AsyncDisposableStack()
  proxy = running.use(await openFaultProxy(store.connectionString))
})
afterEach(async () => {
  proxy.restore()
  await running.disposeAsync()
})

/** A system whose database is behind the proxy. */
async function openSystem(options: Partial<CoreSystemOptions> = {}): Promise<CoreSystem> {
  const logger = { debug: () => undefined, info: () => undefined, error: () => undefined, warn: hear }
  const namespace = `database-${namespaces}`
  return running.use(await store.system({ namespace, connectionString: proxy.url, logger, ...options }))
}

function hear(message: string): void {
  warnings.push(message)
}

async function note(event: CoreEvent, { client }: HandlerContext): Promise<void> {
  await client.query('insert into effect (event, note) values ($1, $2)', [event.messageId, event.eventType])
}

async function effects(ids: readonly string[]): Promise<string[]> {
  const { rows } = await store.pool.query<{ event: string }>('select event from effect where event = any($1)', [ids])
  return rows.map(({ event }) => event)
}

async function deadLetters({ client, namespace }: CoreSystem): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of client.events.deadLetters.list(namespace)) letters.push(letter)
  return letters
}

async function expectOnceEach(system: CoreSystem, ids: readonly string[]): Promise<void> {
  const done = { queueDepth: 0, deadLetterQueueDepth: 0 }
  await vi.waitFor(async () => expect(await system.metrics()).toEqual(done), patience)
  expect((await effects(ids)).sort()).toEqual([...ids].sort())
}

function emitMany(node: CoreNode, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => node.emit('a', n)))
}

describe('no event is a dead letter, and effects happen once, when', () => {
  it('the database cannot be reached for a time', async () => {
    const system = await openSystem()
    const node = await system.registerNode()
    await node.onEvent('a', note)
    await node.start()
    proxy.cut()
    const ids = await emitMany(node, 20)
    await vi.waitFor(() => expect(warnings.length).toBeGreaterThan(20), patience)
    proxy.restore()
    await expectOnceEach(system, ids)
  })

  it('handlers of several types want more connections than there are, for longer than one is waited for', async () => {
    const system = await openSystem({ poolSize: 1 })
    const node = await system.registerNode()
    const slowly = async (event: CoreEvent, context: HandlerContext): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 6_000))
      await note(event, context)
    }
    for (const type of ['a', 'b']) await node.onEvent(type, slowly)
    const ids = await Promise.all([node.emit('a'), node.emit('b')])
    await node.start()
    await expectOnceEach(system, ids)
    expect(warnings).toEqual([])
  })

  it('the answer to a COMMIT is lost', async () => {
    const system = await openSystem()
    const node = await system.registerNode()
    let runs = 0
    await node.onEvent('a', async (event, context) => {
      runs += 1
      await note(event, context)
      proxy.hold('answers')
    })
    await node.start()
    const id = await node.emit('a')
    await vi.waitFor(async () => expect(await effects([id])).toHaveLength(1), patience)
    proxy.cut()
    proxy.restore()
    await expectOnceEach(system, [id])
    expect(runs).toBe(1)
  })

  it('the connection breaks while a handler runs', async () => {
    const system = await openSystem()
    const node = await system.registerNode()
    let runs = 0
    await node.onEvent('a', async (event, context) => {
      runs += 1
      await note(event, context)
      if (runs === 1) await context.client.query('select pg_terminate_backend(pg_backend_pid())')
    })
    await node.start()
    await expectOnceEach(system, [await node.emit('a')])
    expect(runs).toBe(2)
  })
})

it('an event that breaks the connection again and again has failed', async () => {
  const system = await openSystem()
  const node = await system.registerNode()
  await node.onEvent('a', async (_event, { client }) => {
    await client.query('select pg_terminate_backend(pg_backend_pid())')
  })
  await node.start()
  await node.emit('a')
  await vi.waitFor(async () => expect(await deadLetters(system)).toMatchObject([{ attempts: 1 }]), patience)
})

describe('an event that another node is at, of which nothing is heard', () => {
  it('does not keep others waiting, and is no dead letter', async () => {
    const system = await openSystem()
    const node = await system.registerNode()
    await node.onEvent('a', note, { concurrency: 1, timeoutMs: 200 })
    const first = await node.emit('a')
    const { time } = await system.client.events.get(first)
    const holder = await store.pool.connect()
    running.defer(() => holder.release(true))
    await holder.query('begin')
    await holder.query(`insert into qcore_inbox (store, namespace, group_name, event) values ($1, $2, 'default', $3)`, [
      store.name,
      system.namespace,
      `${first}@${time.micros}`,
    ])
    await node.start()
    const second = await node.emit('a')
    await vi.waitFor(async () => expect(await effects([first, second])).toEqual([second]), patience)
    await holder.query('rollback')
    await expectOnceEach(system, [first, second])
  })

  it('has its time limited in PostgreSQL, and that for locks no longer than until handlers run', async () => {
    const system = await openSystem()
    const node = await system.registerNode()
    const seen: unknown[] = []
    await node.onEvent(
      'a',
      async (_event, { client }) => {
        const { rows } = await client.query(`
          select current_setting('lock_timeout') as locks, current_setting('idle_in_transaction_session_timeout') as idle`)
        seen.push(...rows)
      },
      { timeoutMs: 20_000 },
    )
    await node.start()
    await node.emit('a')
    await vi.waitFor(() => expect(seen).toEqual([{ locks: '0', idle: '30s' }]), patience)
  })
})

it('a transaction that is given up ends at once, whatever runs in it', async () => {
  const database = (await openSystem()).getDatabase()
  if (database === undefined) throw new Error('a database')
  const giving = new AbortController()
  const given = inTransaction(
    database,
    async (client) => {
      const sleeping = client.query('select pg_sleep(3600)')
      giving.abort(new Error('given up'))
      await sleeping
    },
    { signal: giving.signal },
  )
  await expect(given).rejects.toThrow('given up')
  expect(await database.query('select 1')).toMatchObject({ rowCount: 1 })
})
