import { once } from 'node:events'
import { fromBinary } from '@bufbuild/protobuf'
import { jetstreamManager } from '@nats-io/jetstream'
import { LogBatchSchema, logStreamName, logSubject, type LogBatch } from '@qcore/contracts'
import { readHead, type PoolClient } from '@qcore/database'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { createWriter } from '../src/service.ts'
import { folderFile, Restores } from './_restores.ts'
import {
  createEntity,
  expectProblem,
  openTestStore,
  silent,
  uniqueStore,
  whenServed,
  write,
  writerConfig,
  type TestStore,
} from './_writer-client.ts'
import { startWriterProcess } from './_writer-process.ts'

/** A short lease, so that a take-over does not take long. */
const lease = { Q_WRITER_LEASE_MS: '1500', Q_WRITER_LEASE_RENEW_MS: '400', Q_WRITER_LEASE_MARGIN_MS: '300' }

let opened: AsyncDisposableStack
let test: TestStore
let restores: Restores
let postgres: FaultProxy

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  test = opened.use(await openTestStore(uniqueStore()))
  restores = await Restores.of(test)
  postgres = opened.use(await openFaultProxy(inject('postgresUrl')))
})
afterEach(() => opened.disposeAsync())

async function startWriter(env: Record<string, string> = {}): Promise<void> {
  opened.use(await createWriter(writerConfig(test.store, env), { logger: silent }))
  await fill()
}

/** Folders a and b below the root. */
async function fill(): Promise<void> {
  await whenServed(() =>
    test.commits.commit({
      mutations: ['a', 'b'].map((id) => createEntity('Folder', 'root', id, { entityId: id })),
      idempotencyKey: 'fill',
    }),
  )
}

const newFolder = (name: string): Promise<{ revision: bigint }> =>
  whenServed(() => {
    const mutations = [createEntity('Folder', 'root', name)]
    return test.commits.commit({ mutations, idempotencyKey: name }, { timeoutMs: 2_000 })
  })

async function folders(): Promise<string[]> {
  const { rows } = await test.pool.query<{ name: string }>(
    `select name from entity where type = 'Folder' order by name`,
  )
  return rows.map(({ name }) => name)
}

/** A transaction that holds what a restore has to change, so that the restore waits in its middle. */
async function holdFields(): Promise<PoolClient> {
  const holder = await test.pool.connect()
  await holder.query('begin')
  await holder.query('select from field for update')
  return holder
}

async function letGo(holder: PoolClient): Promise<void> {
  await holder.query('rollback')
  holder.release()
}

/** Backends that wait in the middle of a restore. */
async function waitingRestores(): Promise<number> {
  const { rows } = await test.pool.query(
    `select from pg_stat_activity a
     where wait_event_type = 'Lock' and query like '%restore_%' and state = 'active'
       and exists (select from pg_locks l where l.pid = a.pid and l.relation = 'head'::regclass)`,
  )
  return rows.length
}

const oneWaits = (): Promise<void> => vi.waitFor(async () => expect(await waitingRestores()).toBe(1))

describe('a restore whose writer is killed in the middle', () => {
  it('leaves nothing behind, and is applied by the next writer', async () => {
    const writer = opened.use(startWriterProcess(test.store, lease))
    await fill()
    const before = await readHead(test.pool)
    const { id } = await restores.plan(folderFile([{ id: 'a', description: 'new' }, { id: 'c' }]))
    const holder = await holdFields()
    const lost = expectProblem(restores.apply(id), 'unavailable')
    await oneWaits()
    writer.child.kill('SIGKILL')
    await once(writer.child, 'exit')
    // PostgreSQL notices by itself, although the statement still waits.
    await vi.waitFor(async () => expect(await waitingRestores()).toBe(0))
    await letGo(holder)
    opened.use(await createWriter(writerConfig(test.store, lease), { logger: silent }))
    const { revision } = await newFolder('later')
    expect(revision).toBe(BigInt(before.revision) + 1n)
    expect(await folders()).toEqual(['a', 'b', 'later'])
    expect((await readHead(test.pool)).logId).toBe(before.logId)
    const applied = await whenServed(() => restores.apply(id))
    expect(applied.revision).toBe(revision + 1n)
    expect(await folders()).toEqual(['a', 'c'])
    await lost
  })

  it('leaves nothing behind either when the writer is only stopped, and is refused when it wakes', async () => {
    const writer = opened.use(startWriterProcess(test.store, lease))
    await fill()
    const before = await readHead(test.pool)
    const { id } = await restores.plan(folderFile([{ id: 'c' }]))
    const holder = await holdFields()
    const lost = restores.apply(id).then(
      () => 'applied',
      () => 'failed',
    )
    await oneWaits()
    writer.child.kill('SIGSTOP')
    await letGo(holder)
    opened.use(await createWriter(writerConfig(test.store, lease), { logger: silent }))
    const { revision } = await newFolder('later')
    expect(revision).toBe(BigInt(before.revision) + 1n)
    writer.child.kill('SIGCONT')
    expect(await lost).toBe('failed')
    expect(await folders()).toEqual(['a', 'b', 'later'])
    expect((await newFolder('last')).revision).toBe(revision + 1n)
  })
})

describe('a restore whose connection is cut', () => {
  it('in the middle changes nothing', async () => {
    await startWriter({ ...lease, Q_POSTGRES_ADDR: postgres.url })
    const before = await readHead(test.pool)
    const { id } = await restores.plan(folderFile([{ id: 'c' }]))
    const holder = await holdFields()
    const refused = expectProblem(restores.apply(id), 'unavailable')
    await oneWaits()
    postgres.cut()
    await refused
    await letGo(holder)
    postgres.restore()
    expect((await newFolder('later')).revision).toBe(BigInt(before.revision) + 1n)
    expect(await folders()).toEqual(['a', 'b', 'later'])
    expect((await whenServed(() => restores.apply(id))).revision).toBe(BigInt(before.revision) + 2n)
    expect(await folders()).toEqual(['c'])
  })

  it('before PostgreSQL said that it was applied is of unknown outcome, and not applied twice', async () => {
    await startWriter({ ...lease, Q_POSTGRES_ADDR: postgres.url })
    const before = await readHead(test.pool)
    const { id } = await restores.plan(folderFile([{ id: 'c' }]))
    // The commit waits for an advisory lock.
    await test.pool.query(`
      create function wait_for_test() returns trigger language plpgsql as $$
        begin perform pg_advisory_xact_lock(hashtext('${test.store}')); return null; end $$;
      create constraint trigger wait_for_test after update on restore deferrable initially deferred
        for each row execute function wait_for_test()`)
    const holder = await test.pool.connect()
    await holder.query('select pg_advisory_lock(hashtext($1))', [test.store])
    const unknown = expectProblem(restores.apply(id), 'outcome_unknown')
    await vi.waitFor(async () => {
      const { rows } = await test.pool.query(
        `select from pg_stat_activity where wait_event = 'advisory' and query = 'commit'`,
      )
      expect(rows).toHaveLength(1)
    })
    postgres.hold('answers')
    await holder.query('select pg_advisory_unlock(hashtext($1))', [test.store])
    holder.release()
    await vi.waitFor(async () => expect((await readHead(test.pool)).revision).toBe(before.revision + 1))
    postgres.cut()
    await unknown
    postgres.restore()
    const applied = await whenServed(() => restores.apply(id))
    expect(applied.revision).toBe(BigInt(before.revision) + 1n)
    expect((await newFolder('later')).revision).toBe(applied.revision + 1n)
    expect(await folders()).toEqual(['c', 'later'])
  })
})

describe('a restore of a writer', () => {
  it('that was deposed changes nothing', async () => {
    await startWriter()
    const { id } = await restores.plan(folderFile([]))
    const { epoch } = await readHead(test.pool)
    await test.pool.query(`update head set epoch = epoch + 1`)
    await expectProblem(restores.apply(id), 'not_leader')
    expect(await folders()).toEqual(['a', 'b'])
    await newFolder('later')
    expect((await readHead(test.pool)).epoch).toBeGreaterThan(epoch + 1)
  })

  it('that takes longer than the lease keeps it', async () => {
    await startWriter(lease)
    const { id } = await restores.plan(folderFile([{ id: 'c' }]))
    const { epoch } = await readHead(test.pool)
    const holder = await holdFields()
    const applied = restores.apply(id)
    await oneWaits()
    const second = opened.use(await createWriter(writerConfig(test.store, lease), { logger: silent }))
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    const health = await second.checkHealth(AbortSignal.timeout(5_000))
    expect(health.find(({ name }) => name === 'lease')?.detail).toBe('standby')
    await letGo(holder)
    const { revision } = await applied
    expect((await newFolder('later')).revision).toBe(revision + 1n)
    expect((await readHead(test.pool)).epoch).toBe(epoch)
  })

  it('whose data PostgreSQL has lost is unknown, and deletes nothing', async () => {
    await startWriter()
    const { id } = await restores.plan(folderFile([{ id: 'a' }, { id: 'b' }]))
    // What a crash of PostgreSQL does to tables that are not logged.
    await test.pool.query(`truncate restore_${id}_entity, restore_${id}_field, restore_${id}_reference`)
    await expectProblem(restores.apply(id), 'unknown_restore')
    expect(await folders()).toEqual(['a', 'b'])
  })

  it('that PostgreSQL refuses changes nothing, and the writer goes on', async () => {
    await startWriter()
    const before = await readHead(test.pool)
    const { id } = await restores.plan(folderFile([{ id: 'c' }]))
    await test.pool.query(`alter table entity add constraint no_c check (id <> 'c')`)
    await expectProblem(restores.apply(id), 'unavailable')
    expect((await newFolder('later')).revision).toBe(BigInt(before.revision) + 1n)
    expect(await folders()).toEqual(['a', 'b', 'later'])
    await test.pool.query('alter table entity drop constraint no_c')
    await restores.apply(id)
    expect(await folders()).toEqual(['c'])
  })

  it('lets commits wait, and makes them on what was restored', async () => {
    await startWriter()
    const { id } = await restores.plan(folderFile([{ id: 'a', description: 'restored' }]))
    const holder = await holdFields()
    const applied = restores.apply(id)
    await oneWaits()
    const toDeleted = expectProblem(
      test.commits.commit({ mutations: [write('b', 'Description', { case: 'string', value: 'x' })] }),
      'unknown_entity',
    )
    const waiting = test.commits.commit({ mutations: [createEntity('Folder', 'a', 'below', { entityId: 'below' })] })
    await test.connection.flush()
    await letGo(holder)
    const { revision } = await applied
    await toDeleted
    expect((await waiting).revision).toBe(revision + 1n)
    expect((await test.entity('below'))?.parentId).toBe('a')
  })

  it('is applied although commits never cease', async () => {
    await startWriter()
    const { id } = await restores.plan(folderFile([{ id: 'a' }]))
    const stop = new AbortController()
    const load = Array.from({ length: 8 }, async () => {
      while (!stop.signal.aborted) {
        await test.commits.commit({ mutations: [write('a', 'Description', { case: 'string', value: 'x' })] })
      }
    })
    await vi.waitFor(async () => expect((await readHead(test.pool)).revision).toBeGreaterThan(50))
    const { revision } = await restores.apply(id)
    await vi.waitFor(async () => expect((await readHead(test.pool)).revision).toBeGreaterThan(Number(revision) + 50))
    stop.abort()
    await Promise.all(load)
    expect(await folders()).toEqual(['a'])
  })
})

describe('after a restore', () => {
  it('the stream holds the new history, and nothing of the old one', async () => {
    await startWriter()
    await newFolder('old')
    const heard: LogBatch[] = []
    test.connection.subscribe(logSubject(test.store), {
      callback: (_, message) => void heard.push(fromBinary(LogBatchSchema, message.data)),
    })
    const { id } = await restores.plan(folderFile([{ id: 'a' }]))
    const { revision, logId } = await restores.apply(id)
    await vi.waitFor(() => expect(heard.at(-1)).toMatchObject({ logId, firstRevision: revision + 1n, commits: [] }))
    await newFolder('new')
    const { streams } = await jetstreamManager(test.connection)
    const name = logStreamName(test.store)
    await vi.waitFor(async () => {
      const { state } = await streams.info(name)
      expect(state.messages).toBe(1)
      const message = await streams.getMessage(name, { seq: state.last_seq })
      const batch = fromBinary(LogBatchSchema, message?.data ?? new Uint8Array())
      expect(batch).toMatchObject({ logId, firstRevision: revision + 1n, lastRevision: revision + 1n })
    })
  })

  it('a restart goes on with the new history', async () => {
    const first = await createWriter(writerConfig(test.store, lease), { logger: silent })
    await fill()
    const { id } = await restores.plan(folderFile([{ id: 'a' }]))
    const { revision, logId } = await restores.apply(id)
    await first[Symbol.asyncDispose]()
    opened.use(await createWriter(writerConfig(test.store, lease), { logger: silent }))
    expect((await newFolder('later')).revision).toBe(revision + 1n)
    expect((await readHead(test.pool)).logId).toBe(logId)
  })

  it('a retry of a commit from before it is answered, and not made again', async () => {
    await startWriter()
    const once = { mutations: [createEntity('Folder', 'root', 'once')], idempotencyKey: 'once' }
    const made = await test.commits.commit(once)
    const { id } = await restores.plan(folderFile([{ id: 'a' }]))
    await restores.apply(id)
    expect((await test.commits.commit(once)).revision).toBe(made.revision)
    expect(await folders()).toEqual(['a'])
  })

  it('nothing of it is left in PostgreSQL but its outcome, and that not for ever', async () => {
    await startWriter()
    const { id } = await restores.plan(folderFile([{ id: 'a' }]))
    const { id: abandoned } = await restores.plan(folderFile([{ id: 'a' }]))
    const { id: forgotten } = await restores.plan(folderFile([{ id: 'a' }]))
    const applied = await restores.apply(id)
    expect(await restores.apply(id)).toEqual(applied)
    await restores.calls.abandonRestore({ restoreId: abandoned })
    await test.pool.query(`update restore set expires_at = now() - interval '1 second'`)
    const tables = async (): Promise<string[]> => {
      const { rows } = await test.pool.query<{ name: string }>(
        `select table_name as name from information_schema.tables where table_schema = $1 and table_name like 'restore%'`,
        [test.store],
      )
      return rows.map(({ name }) => name).sort()
    }
    expect((await tables()).some((name) => name.includes(forgotten))).toBe(true)
    await vi.waitFor(async () => expect(await tables()).toEqual(['restore']), { timeout: 20_000, interval: 500 })
    await expectProblem(restores.apply(forgotten), 'unknown_restore')
  })
})

describe('the parts of a file', () => {
  it('may come twice and in any order, but not differ, and none may be missing', async () => {
    await startWriter()
    const restoreId = 'ab'.repeat(16)
    const file = Buffer.from(folderFile([{ id: 'a' }]))
    const part = (sequence: number, content: Uint8Array): Promise<unknown> =>
      restores.calls.addRestorePart({ restoreId, sequence, content })
    await expectProblem(part(0, file), 'unknown_restore', 'restore_id')
    await restores.calls.beginRestore({ restoreId })
    await restores.calls.beginRestore({ restoreId })
    await expectProblem(restores.calls.beginRestore({ restoreId, under: 'a' }), 'invalid_request', 'restore_id')
    await part(1, file.subarray(100))
    await expectProblem(drain(restores.calls.planRestore({ restoreId, parts: 2 })), 'invalid_snapshot', 'parts')
    await part(0, file.subarray(0, 100))
    await part(1, file.subarray(100))
    await expectProblem(part(1, file.subarray(101)), 'invalid_request', 'sequence')
    await expectProblem(restores.apply(restoreId), 'restore_refused')
    await drain(restores.calls.planRestore({ restoreId, parts: 2 }))
    await drain(restores.calls.planRestore({ restoreId, parts: 2 }))
    await expectProblem(part(2, file), 'restore_refused', 'restore_id')
    await restores.apply(restoreId)
    expect(await folders()).toEqual(['a'])
  })

  it('are kept of eight restores at a time', async () => {
    await startWriter()
    const idOf = (index: number): string => String(index).repeat(32)
    for (let index = 0; index < 8; index++) await restores.calls.beginRestore({ restoreId: idOf(index) })
    await expectProblem(restores.calls.beginRestore({ restoreId: idOf(9) }), 'overloaded')
    await restores.calls.abandonRestore({ restoreId: idOf(0) })
    await restores.calls.beginRestore({ restoreId: idOf(9) })
  })
})

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
