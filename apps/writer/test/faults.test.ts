import { randomUUID } from 'node:crypto'
import { fromBinary } from '@bufbuild/protobuf'
import { jetstreamManager } from '@nats-io/jetstream'
import { LogBatchSchema, logStreamName, logSubject } from '@qcore/contracts'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { fromConnectError } from '@qcore/transport'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { createWriter } from '../src/service.ts'
import {
  createEntity,
  deleteEntity,
  expectProblem,
  openTestStore,
  silent,
  uniqueStore,
  whenServed,
  write,
  writerConfig,
  type TestStore,
} from './_writer-client.ts'

let opened: AsyncDisposableStack
let test: TestStore
let postgres: FaultProxy
let nats: FaultProxy
let root: string

/** Starts a writer whose way to PostgreSQL and NATS can be disturbed. */
async function start(env: Record<string, string> = {}): Promise<void> {
  const addresses = { Q_POSTGRES_ADDR: postgres.url, Q_NATS_ADDR: nats.url }
  opened.use(await createWriter(writerConfig(test.store, { ...addresses, ...env }), { logger: silent }))
  await whenServed(() => test.commits.commit({ mutations: [createEntity('Folder', 'none', 'x')] }).catch(ignoreUnknown))
  root = await test.rootId()
}

function ignoreUnknown(error: unknown): void {
  if (fromConnectError(error).code !== 'unknown_entity') throw error
}

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  test = opened.use(await openTestStore(uniqueStore()))
  postgres = opened.use(await openFaultProxy(inject('postgresUrl')))
  nats = opened.use(await openFaultProxy(inject('natsUrl')))
})
afterEach(() => opened.disposeAsync())

function newFolder(name: string): ReturnType<typeof test.commits.commit> {
  return test.commits.commit({ mutations: [createEntity('Folder', root, name)] })
}

/** The revisions in the stream, in its order. */
async function streamRevisions(): Promise<number[]> {
  const { streams } = await jetstreamManager(test.connection)
  const name = logStreamName(test.store)
  const { state } = await streams.info(name)
  const revisions: number[] = []
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await streams.getMessage(name, { seq })
    const batch = fromBinary(LogBatchSchema, message?.data ?? new Uint8Array())
    for (const { revision } of batch.commits) revisions.push(Number(revision))
  }
  return revisions
}

async function expectStreamToEqualLog(): Promise<void> {
  const log = (await test.log()).map(({ revision }) => Number(revision))
  expect(log).toEqual(log.map((_, index) => index + 1))
  await vi.waitFor(async () => expect(await streamRevisions()).toEqual(log), { timeout: 8_000, interval: 50 })
}

describe('a commit whose answer from PostgreSQL is lost', () => {
  it('is found in the log and answered as committed', async () => {
    await start()
    postgres.hold('answers')
    const answer = newFolder('found')
    await vi.waitFor(async () => expect((await test.log()).length).toBe(2))
    postgres.cut()
    postgres.restore()
    const { revision } = await answer
    expect(revision).toBe(2n)
    expect((await newFolder('next')).revision).toBe(3n)
    await expectStreamToEqualLog()
  })

  it('and that was not made is made then', async () => {
    await start()
    const holder = await test.pool.connect()
    await holder.query('begin')
    await holder.query('select from head for update')
    const answer = newFolder('made')
    await vi.waitFor(async () => {
      const waiting = await test.pool.query(
        `select from pg_stat_activity where query like '%advanced%' and wait_event_type = 'Lock' and state = 'active'`,
      )
      expect(waiting.rowCount).toBeGreaterThan(0)
    })
    await test.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like '%advanced%' and wait_event_type = 'Lock'`,
    )
    await holder.query('rollback')
    holder.release()
    expect((await answer).revision).toBe(2n)
    const folders = await test.pool.query<{ name: string }>(`select name from entity where type = 'Folder'`)
    expect(folders.rows).toEqual([{ name: 'made' }])
    await expectStreamToEqualLog()
  })

  it('is of unknown outcome if PostgreSQL stays away, and its key makes the retry safe', async () => {
    await start()
    const request = { mutations: [createEntity('Folder', root, 'once')], idempotencyKey: 'once' }
    postgres.hold('answers')
    const answer = test.commits.commit(request, { timeoutMs: 20_000 })
    const problem = expectProblem(answer, 'outcome_unknown')
    await vi.waitFor(async () => expect((await test.log()).length).toBe(2))
    await problem
    await vi.waitFor(() => expectProblem(newFolder('not now'), 'no_responders'))
    postgres.cut()
    postgres.restore()
    const { revision } = await whenServed(() => test.commits.commit(request), 15_000)
    expect(revision).toBe(2n)
    expect(await test.log()).toHaveLength(2)
  }, 40_000)
})

describe('a writer that stops while PostgreSQL hangs', () => {
  const startWriter = (): ReturnType<typeof createWriter> => {
    const addresses = { Q_POSTGRES_ADDR: postgres.url, Q_NATS_ADDR: nats.url }
    return createWriter(writerConfig(test.store, addresses), { logger: silent })
  }
  const timeOfStop = async (writer: AsyncDisposable): Promise<number> => {
    const startedAtMs = performance.now()
    await writer[Symbol.asyncDispose]()
    return performance.now() - startedAtMs
  }

  it('ends soon, as a leader and as a standby', async () => {
    const leader = await startWriter()
    await whenServed(() =>
      test.commits.commit({ mutations: [createEntity('Folder', 'none', 'x')] }).catch(ignoreUnknown),
    )
    const standby = await startWriter()
    postgres.hold()
    const times = await Promise.all([timeOfStop(leader), timeOfStop(standby)])
    expect(Math.max(...times)).toBeLessThan(4_000)
  })

  it('says of a commit that its outcome is unknown', async () => {
    const leader = await startWriter()
    await whenServed(() =>
      test.commits.commit({ mutations: [createEntity('Folder', 'none', 'x')] }).catch(ignoreUnknown),
    )
    root = await test.rootId()
    postgres.hold('answers')
    const answer = expectProblem(newFolder('made'), 'outcome_unknown')
    await vi.waitFor(async () => expect((await test.log()).length).toBe(2))
    expect(await timeOfStop(leader)).toBeLessThan(10_000)
    await answer
  })
})

describe('PostgreSQL that goes away for a moment', () => {
  it('loses nothing that was answered, and makes nothing twice', async () => {
    await start()
    const answered = new Map<string, bigint>()
    const stop = new AbortController()
    const load = Array.from({ length: 16 }, async (_, client) => {
      for (let round = 0; !stop.signal.aborted; round++) {
        const name = `${client}-${round}`
        const request = { mutations: [createEntity('Folder', root, name)], idempotencyKey: name }
        const { revision } = await whenServed(() => test.commits.commit(request), 15_000)
        answered.set(name, revision)
      }
    })
    for (let round = 0; round < 4; round++) {
      const before = answered.size
      await vi.waitFor(() => expect(answered.size).toBeGreaterThan(before + 40), { timeout: 10_000 })
      if (round % 2 === 0) postgres.cut()
      else await terminateWriters()
      await new Promise((resolve) => setImmediate(resolve))
      postgres.restore()
    }
    stop.abort()
    await Promise.all(load)
    const log = await test.log()
    const made = new Map(log.map(({ revision, idempotencyKey }) => [idempotencyKey, revision]))
    for (const [name, revision] of answered) expect(made.get(name)).toBe(revision)
    const { rows } = await test.pool.query<{ name: string }>(`select name from entity where type = 'Folder'`)
    expect(rows.length).toBe(new Set(rows.map(({ name }) => name)).size)
    await expectStreamToEqualLog()
  }, 40_000)
})

async function terminateWriters(): Promise<void> {
  await test.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name like 'qcore-writer test-%' and query not like '%pg_terminate%'
       and pid <> pg_backend_pid()`,
  )
}

describe('the stream', () => {
  it('is made again when it was deleted', async () => {
    await start()
    await newFolder('a')
    await expectStreamToEqualLog()
    const { streams } = await jetstreamManager(test.connection)
    await streams.delete(logStreamName(test.store))
    await newFolder('b')
    await expectStreamToEqualLog()
  })

  it('is made again when NATS lost everything while the writer could not see it', async () => {
    await start()
    await newFolder('a')
    await expectStreamToEqualLog()
    nats.cut()
    const { streams } = await jetstreamManager(test.connection)
    await streams.delete(logStreamName(test.store))
    nats.restore()
    await expectStreamToEqualLog()
    await whenServed(() => newFolder('b'))
    await expectStreamToEqualLog()
  })

  it('is filled again when it was purged', async () => {
    await start()
    await newFolder('a')
    await expectStreamToEqualLog()
    const { streams } = await jetstreamManager(test.connection)
    await streams.purge(logStreamName(test.store))
    await newFolder('b')
    await test.connection.flush()
    nats.cut()
    nats.restore()
    await vi.waitFor(async () => expect((await streamRevisions()).at(-1)).toBe(3))
    await whenServed(() => newFolder('c'))
    await vi.waitFor(async () => expect((await streamRevisions()).at(-1)).toBe(4))
  })

  it('of another log, or ahead of this one, is replaced', async () => {
    const name = logStreamName(test.store)
    const { streams } = await jetstreamManager(test.connection)
    await streams.add({ name, subjects: [logSubject(test.store)] })
    const foreign = Buffer.from([0x0a, 1, 0x78, 0x10, 90, 0x18, 99])
    await test.connection.request(logSubject(test.store), foreign)
    await start()
    await newFolder('a')
    await expectStreamToEqualLog()
  })

  it('gets each commit once although others disturb it', async () => {
    await start()
    await newFolder('a')
    await expectStreamToEqualLog()
    const stray = Buffer.from([0x0a, 1, 0x78, 0x10, 90, 0x18, 99])
    await test.connection.request(logSubject(test.store), stray)
    for (let index = 0; index < 20; index++) await newFolder(`b${index}`)
    await expectStreamToEqualLog()
  })
})

describe('the subscribers of the log', () => {
  it('get the commits in order while the stream is repaired', async () => {
    await start()
    const heard: number[] = []
    test.connection.subscribe(logSubject(test.store), {
      callback: (_, message) => {
        for (const { revision } of fromBinary(LogBatchSchema, message.data).commits) heard.push(Number(revision))
      },
    })
    await test.connection.flush()
    const { streams } = await jetstreamManager(test.connection)
    await streams.delete(logStreamName(test.store))
    for (let index = 0; index < 10; index++) await newFolder(`${index}`)
    await vi.waitFor(() => {
      for (let revision = 2; revision <= 11; revision++) expect(heard).toContain(revision)
    })
  })
})

/** The processes of PostgreSQL that wait for a lock within a statement that uses a table of the store. */
async function waiting(statement: string, table: string): Promise<number[]> {
  const { rows } = await test.pool.query<{ pid: number }>(
    `select pid from pg_stat_activity where wait_event_type = 'Lock' and query like $1
       and pid in (select pid from pg_locks where relation = $2::regclass)`,
    [`%${statement}%`, table],
  )
  return rows.map(({ pid }) => pid)
}

describe('a group that PostgreSQL refuses', () => {
  it('is made in its order although the connection breaks between its commits', async () => {
    await start({ Q_LEASE_MS: '20000' })
    await test.commits.commit({
      mutations: ['kept', 'deleted'].map((entityId) => createEntity('Folder', root, entityId, { entityId })),
    })
    const head = await test.pool.connect()
    opened.defer(() => head.release(true))
    const entities = await test.pool.connect()
    opened.defer(() => entities.release(true))
    await head.query('begin')
    await head.query('select from head for update')
    // The first needs to be loaded whenever it is prepared, the second does not.
    const commits = [
      { mutations: [deleteEntity('deleted')] },
      { mutations: [write('kept', 'Description', { case: 'string', value: 'after it' })] },
    ]
    const answer = test.commits.commitMany({ commits })
    const [group] = await vi.waitFor(async () => {
      const pids = await waiting('advanced', 'head')
      expect(pids).toHaveLength(1)
      return pids
    })
    await entities.query('begin')
    const locked = entities.query('lock table entity in access exclusive mode')
    await vi.waitFor(async () => expect(await waiting('lock table', 'entity')).toHaveLength(1))
    await test.pool.query('select pg_cancel_backend($1)', [group])
    await locked
    await vi.waitFor(async () => expect(await waiting('select', 'entity')).toEqual([group]))
    await head.query('rollback')
    postgres.cut()
    postgres.restore()
    await entities.query('rollback')
    const { outcomes } = await answer
    const revisions = outcomes.map(({ outcome }) => (outcome.case === 'response' ? outcome.value.revision : undefined))
    expect(revisions).toEqual([3n, 4n])
  })
})

describe('a full queue', () => {
  it('refuses further commits and keeps those that wait', async () => {
    await start({ Q_WRITER_QUEUE_COMMITS: '10' })
    const holder = await test.pool.connect()
    await holder.query('begin')
    await holder.query('select from head for update')
    const first = newFolder('first')
    await vi.waitFor(async () => {
      const { rows } = await test.pool.query(
        `select from pg_stat_activity where query like '%advanced%' and wait_event_type = 'Lock'`,
      )
      expect(rows.length).toBeGreaterThan(0)
    })
    const folder = (name: string): object => ({ mutations: [createEntity('Folder', root, name)] })
    const waiting = test.commits.commitMany({ commits: Array.from({ length: 8 }, (_, index) => folder(`w${index}`)) })
    await test.connection.flush()
    await expectProblem(test.commits.commitMany({ commits: [folder('x'), folder('y'), folder('z')] }), 'overloaded')
    await holder.query('rollback')
    holder.release()
    await first
    expect((await waiting).outcomes.map(({ outcome }) => outcome.case)).toEqual(Array(8).fill('response'))
    expect(await test.log()).toHaveLength(10)
  })
})

describe('a caller that gives up', () => {
  it('leaves nothing behind if its commit had not begun', async () => {
    await start()
    const holder = await test.pool.connect()
    await holder.query('begin')
    await holder.query('select from head for update')
    const first = newFolder('first')
    await vi.waitFor(async () => {
      const { rows } = await test.pool.query(
        `select from pg_stat_activity where query like '%advanced%' and wait_event_type = 'Lock'`,
      )
      expect(rows.length).toBeGreaterThan(0)
    })
    const gone = new AbortController()
    const request = { mutations: [createEntity('Folder', root, randomUUID())] }
    const canceled = expectProblem(test.commits.commit(request, { signal: gone.signal }), 'canceled')
    await test.connection.flush()
    gone.abort()
    await canceled
    await test.connection.flush()
    await holder.query('rollback')
    holder.release()
    await first
    await newFolder('last')
    expect(await test.log()).toHaveLength(3)
  })
})
