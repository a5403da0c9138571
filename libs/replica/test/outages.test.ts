import { openPool } from '@qcore/database'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { openReplica, type Replica } from '../src/index.ts'
import { caller, createTestStore, openConnection, person, plain, silent, write, type TestStore } from './_replica.ts'

let store: TestStore
let nats: FaultProxy
let postgres: FaultProxy
let replica: Replica
let opened: AsyncDisposableStack

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  store = opened.use(await createTestStore())
  nats = opened.use(await openFaultProxy(inject('natsUrl')))
  postgres = opened.use(await openFaultProxy(inject('postgresUrl')))
  const connection = await openConnection(nats.url)
  opened.defer(() => connection.close())
  const database = { address: postgres.url, store: store.raw.store, applicationName: 'test' }
  const pool = openPool({ ...database, max: 2 }, () => undefined)
  opened.defer(() => pool.end())
  const options = { connection, pool, store: store.raw.store, logger: silent, cacheBytes: 10_000_000 }
  replica = opened.use(await openReplica(options))
})

afterEach(() => opened.disposeAsync())

const soon = (): AbortSignal => AbortSignal.timeout(10_000)

test('without NATS the log is followed in PostgreSQL, and with it again nothing is missing', async () => {
  await store.commit(person('a', 'root'))
  await replica.read((source) => plain(source.entity('a')), caller)
  nats.cut()
  for (let age = 1n; age <= 5n; age++) await store.commit(write('a', 'Age', age))
  await replica.feed.waitFor(8, soon())
  expect(await replica.read((source) => plain(source.entity('a')), caller)).toEqual(store.raw.state.entities.get('a'))
  nats.restore()
  for (let age = 6n; age <= 9n; age++) await store.commit(write('a', 'Age', age))
  await replica.feed.waitFor(12, soon())
  expect(await replica.read((source) => plain(source.entity('a')), caller)).toEqual(store.raw.state.entities.get('a'))
})

test('without PostgreSQL what is cached is read and kept exact, and the rest is unavailable', async () => {
  await store.commit(person('a', 'root'), person('b', 'root'))
  await replica.read((source) => plain(source.entity('a')), caller)
  postgres.cut()
  await store.commit(write('a', 'Age', 5n))
  await replica.feed.waitFor(4, soon())
  expect(replica.read((source) => plain(source.entity('a')), caller)).toEqual(store.raw.state.entities.get('a'))
  const read = Promise.resolve(replica.read((source) => source.entity('b'), caller))
  await expect(read).rejects.toMatchObject({ code: 'unavailable' })
  postgres.restore()
  expect(await replica.read((source) => source.entity('b'), caller)).toMatchObject({ id: 'b' })
})

test('commits during an outage of both are applied once they are back', async () => {
  await replica.read((source) => source.children('root'), caller)
  nats.cut()
  postgres.cut()
  for (const id of ['a', 'b', 'c']) await store.commit(person(id, 'root'))
  postgres.restore()
  await replica.feed.waitFor(5, soon())
  nats.restore()
  await replica.feed.waitFor(await store.commit(person('d', 'root')), soon())
  const children = await replica.read((source) => source.children('root')?.ids(), caller)
  expect(children).toEqual(['a', 'b', 'c', 'd'])
})
