import { logSubject } from '@qcore/contracts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openLogFeed, type LogFeed } from '../src/index.ts'
import { createTestStore, openConnection, person, silent, write, type TestStore } from './_replica.ts'

let store: TestStore
let feed: LogFeed
let applied: number[]
let replaced: number

beforeEach(async () => {
  store = await createTestStore()
  applied = []
  replaced = 0
  feed = openLogFeed({ connection: store.connection, pool: store.raw.pool, store: store.raw.store, logger: silent })
})

afterEach(async () => {
  await feed[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const start = (): Promise<number> =>
  feed.start({ apply: ({ revision }) => applied.push(revision), onReplaced: () => replaced++ })

const soon = (): AbortSignal => AbortSignal.timeout(5_000)

test('it is live from the head and gives what follows in order', async () => {
  expect(await start()).toBe(2)
  await store.commit(person('a', 'root'))
  await store.commit(person('b', 'root'))
  await feed.waitFor(4, soon())
  expect(applied).toEqual([3, 4])
  expect(feed.appliedRevision).toBe(4)
})

test('a message that was lost is read from the log when the next one comes', async () => {
  await start()
  await store.commitSilently(person('a', 'root'))
  await store.commitSilently(person('b', 'root'))
  await store.commit(person('c', 'root'))
  await vi.waitFor(() => expect(applied).toEqual([3, 4, 5]), { timeout: 800, interval: 5 })
})

test('a message that was lost is read from the log at once when somebody waits for it', async () => {
  await start()
  const begunAt = performance.now()
  await store.commitSilently(person('a', 'root'))
  await feed.waitFor(3, soon())
  expect(applied).toEqual([3])
  expect(performance.now() - begunAt).toBeLessThan(700)
})

test('the last message of all may be lost: the log is looked at every second', async () => {
  await start()
  await store.commitSilently(person('a', 'root'))
  await vi.waitFor(() => expect(applied).toEqual([3]), { timeout: 3_000 })
})

test('messages that come twice or late are applied once and in order', async () => {
  await start()
  const records: Uint8Array[] = []
  for (const id of ['a', 'b', 'c', 'd']) records.push(await store.commitSilently(person(id, 'root')))
  const [a, b, c, d] = records as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  await store.publish(c, d)
  await store.publish(a, b)
  await store.publish(b, c)
  await store.publish(a, b, c, d)
  await feed.waitFor(6, soon())
  expect(applied).toEqual([3, 4, 5, 6])
})

test('a message that cannot be read does no harm', async () => {
  await start()
  store.connection.publish(logSubject(store.raw.store), new Uint8Array([0x22, 0x7f, 1]))
  await store.commit(person('a', 'root'))
  await feed.waitFor(3, soon())
  expect(applied).toEqual([3])
})

test('what is committed while it starts comes once', async () => {
  const starting = start()
  await store.commit(person('a', 'root'))
  await store.commit(person('b', 'root'))
  const live = await starting
  await feed.waitFor(4, soon())
  expect(applied).toEqual([3, 4].filter((revision) => revision > live))
})

test('waiting for a revision that was not committed is refused', async () => {
  await start()
  await expect(feed.waitFor(99, soon())).rejects.toMatchObject({ code: 'future_revision' })
})

test('waiting ends with the signal when the log cannot be read', async () => {
  const lock = await store.raw.pool.connect()
  await start()
  await lock.query('begin')
  await lock.query('lock table head in access exclusive mode')
  await expect(feed.waitFor(3, AbortSignal.timeout(50))).rejects.toMatchObject({ code: 'deadline_exceeded' })
  await lock.query('rollback')
  lock.release()
})

test('another log means to start over from its head', async () => {
  await start()
  await store.commit(person('a', 'root'))
  await feed.waitFor(3, soon())
  const waiting = expect(feed.waitFor(50, AbortSignal.timeout(10_000))).rejects.toMatchObject({ code: 'log_replaced' })
  await store.raw.pool.query(`update head set log_id = 'another', revision = 1`)
  await vi.waitFor(() => expect(replaced).toBe(1), { timeout: 3_000 })
  await waiting
  expect(feed.appliedRevision).toBe(1)
  expect(feed.logId).toBe('another')
})

test('a head that went back means to start over from it', async () => {
  await start()
  await store.raw.pool.query('update head set revision = 1')
  await vi.waitFor(() => expect(replaced).toBe(1), { timeout: 3_000 })
  expect(feed.appliedRevision).toBe(1)
})

test('a message of another log means to look at the log', async () => {
  await start()
  await store.raw.pool.query(`update head set log_id = 'another'`)
  await store.commit(person('a', 'root'))
  await vi.waitFor(() => expect(replaced).toBe(1), { timeout: 700 })
  expect(applied).toEqual([])
})

test('revisions that were compacted before they were applied mean to start over', async () => {
  await start()
  for (let count = 0; count < 5; count++) await store.commitSilently(write('root', 'Age', BigInt(count)))
  await store.raw.pool.query('delete from log where revision < 6')
  await store.raw.pool.query('update head set oldest_revision = 6')
  await feed.catchUp()
  expect(replaced).toBe(1)
  expect(feed.appliedRevision).toBe(7)
})

test('a follower that fails is told to start over', async () => {
  let fails = true
  await feed.start({
    apply: ({ revision }) => {
      if (fails) throw new Error('a fault')
      applied.push(revision)
    },
    onReplaced: () => {
      fails = false
      replaced++
    },
  })
  await store.commit(person('a', 'root'))
  await vi.waitFor(() => expect(replaced).toBe(1))
  await store.commit(person('b', 'root'))
  await feed.waitFor(4, soon())
  expect(applied).toEqual([4])
})

test('a backlog of many pages is applied in order', async () => {
  await start()
  const revisions = 5_000
  await store.raw.pool.query(`insert into log select n, 0, $1 from generate_series(3, ${revisions + 2}) n`, [
    Buffer.alloc(4_000),
  ])
  await store.raw.pool.query(`update head set revision = ${revisions + 2}`)
  await feed.waitFor(revisions + 2, AbortSignal.timeout(10_000))
  expect(applied).toEqual(Array.from({ length: revisions }, (_, index) => index + 3))
})

test('a feed that is disposed waits for nobody and leaves no subscription', async () => {
  const connection = await openConnection()
  const own = openLogFeed({ connection, pool: store.raw.pool, store: store.raw.store, logger: silent })
  await own.start({ apply: () => undefined, onReplaced: () => undefined })
  const waiting = expect(own.waitFor(99, soon())).rejects.toMatchObject({ code: 'unavailable' })
  await own[Symbol.asyncDispose]()
  await waiting
  await connection.drain()
})
