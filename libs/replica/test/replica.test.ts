import type { EntityState } from '@qcore/model'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Replica, ReplicaSource } from '../src/index.ts'
import { caller, createTestStore, person, personSchema, plain, write, type TestStore } from './_replica.ts'

let store: TestStore
let replica: Replica

beforeEach(async () => {
  store = await createTestStore()
  replica = await store.openReplica()
})

afterEach(async () => {
  await replica[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const readEntity = (id: string): Promise<EntityState | null | undefined> =>
  Promise.resolve(replica.read((source) => plain(source.entity(id)), caller))

const readChildren = (id: string): Promise<string[] | undefined> =>
  Promise.resolve(replica.read((source) => source.children(id)?.ids(), caller))

const waitFor = (revision: number): Promise<void> => replica.feed.waitFor(revision, AbortSignal.timeout(5_000))

test('an entity is read as the store holds it', async () => {
  await store.commit(person('a', 'root'), write('root', 'Age', 7n))
  expect(await readEntity('root')).toEqual(store.raw.state.entities.get('root'))
  expect(await readEntity('a')).toEqual(store.raw.state.entities.get('a'))
  expect(await readEntity('nobody')).toBeNull()
})

test('what is cached is read at once, and is changed by commits', async () => {
  await store.commit(person('a', 'root'))
  await readEntity('a')
  await waitFor(await store.commit(write('a', 'Mood', 'bad'), write('a', 'Friends', ['root'])))
  const read = replica.read((source) => plain(source.entity('a')), caller)
  expect(read).toEqual(store.raw.state.entities.get('a'))
})

test('an entity that was asked for before it existed appears, and disappears again', async () => {
  expect(await readEntity('a')).toBeNull()
  await waitFor(await store.commit(person('a', 'root')))
  expect(await readEntity('a')).toMatchObject({ id: 'a', parentId: 'root' })
  await waitFor(await store.commit({ kind: 'delete', id: 'a' }))
  expect(await readEntity('a')).toBeNull()
})

test('children are ordered by name, then id, as they come and go', async () => {
  await store.commit(person('c', 'root', 'same'), person('b', 'root', 'same'), person('z', 'root', 'Aaa'))
  expect(await readChildren('root')).toEqual(['z', 'b', 'c'])
  await waitFor(await store.commit(person('e', 'root', '\u{1F600}'), person('d', 'root', '\uFFFD')))
  expect(await readChildren('root')).toEqual(['z', 'b', 'c', 'd', 'e'])
  await waitFor(await store.commit({ kind: 'delete', id: 'b' }))
  expect(await readChildren('root')).toEqual(['z', 'c', 'd', 'e'])
  expect(await readChildren('')).toEqual(['root'])
})

test('a field that is added to a type appears in cached entities with its default', async () => {
  await store.commit(person('a', 'root'))
  await readEntity('a')
  await waitFor(await store.commit({ kind: 'schema', schema: personSchema(['Extra']) }))
  expect(await readEntity('a')).toEqual(store.raw.state.entities.get('a'))
  expect(replica.types?.get('Person')?.fieldsByName.has('Extra')).toBe(true)
})

test('a commit that adds a field and creates an entity of the type gives the field once', async () => {
  expect(await readEntity('a')).toBeNull()
  await waitFor(await store.commit({ kind: 'schema', schema: personSchema(['Extra']) }, person('a', 'root')))
  expect(await readEntity('a')).toEqual(store.raw.state.entities.get('a'))
})

test('many readers of one entity make one statement', async () => {
  await store.commit(person('a', 'root'))
  await waitFor(3)
  const query = vi.spyOn(store.raw.pool, 'query')
  const reads = await Promise.all(Array.from({ length: 500 }, () => readEntity('a')))
  expect(new Set(reads.map((entity) => entity?.id))).toEqual(new Set(['a']))
  expect(query.mock.calls.length).toBeLessThanOrEqual(2)
})

test('many entities are read by few statements', async () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => `p${index}`)
  await store.commit(...ids.map((id) => person(id, 'root')))
  await waitFor(3)
  const query = vi.spyOn(store.raw.pool, 'query')
  const found = await replica.read((source) => ids.map((id) => source.entity(id)?.id), caller)
  expect(found).toEqual(ids)
  expect(query.mock.calls.length).toBeLessThanOrEqual(4)
})

test('a reading of more than the cache holds is of one revision, and what is cached stays exact', async () => {
  await using small = await store.openReplica({ cacheBytes: 8_000 })
  const ids = Array.from({ length: 60 }, (_, index) => `p${index}`)
  await store.commit(...ids.map((id) => person(id, 'root')))
  const sum = (source: ReplicaSource): bigint[] =>
    ids.map((id) => (source.entity(id)?.fields[0]?.value ?? -1n) as bigint)
  for (let round = 1n; round <= 20n; round++) {
    const commits = store.commit(...ids.map((id) => write(id, 'Age', round)))
    const ages = await small.read(sum, caller)
    expect(new Set(ages).size).toBe(1)
    await small.feed.waitFor(await commits, AbortSignal.timeout(5_000))
    expect(new Set(await small.read(sum, caller))).toEqual(new Set([round]))
  }
  expect(small.tables.entities.bytes).toBeLessThanOrEqual(8_000)
})

test('entities that grow while they are cached take no more memory than the cache has', async () => {
  const cacheBytes = 40_000
  await using small = await store.openReplica({ cacheBytes })
  const ids = Array.from({ length: 60 }, (_, index) => `p${index}`)
  await store.commit(...ids.map((id) => person(id, 'root')))
  await small.read((source) => ids.map((id) => source.entity(id)?.id), caller)
  const revision = await store.commit(...ids.map((id) => write(id, 'Nick', 'x'.repeat(900))))
  await small.feed.waitFor(revision, AbortSignal.timeout(5_000))
  const held = [...small.tables.entities.entries()].reduce((sum, [, { size }]) => sum + size, 0)
  expect(held).toBeLessThan(1.2 * cacheBytes)
})

test('commits that are applied while an entity is loaded are not lost and not applied twice', async () => {
  await store.commit(person('a', 'root'))
  await waitFor(3)
  for (let round = 0; round < 30; round++) {
    replica.tables.clear()
    const writes = (async () => {
      for (let count = 0; count < 5; count++) await store.commit(write('a', 'Age', BigInt(round * 10 + count)))
    })()
    await readEntity('a')
    await writes
    await waitFor(store.raw.state.revision)
    expect(await readEntity('a')).toEqual(store.raw.state.entities.get('a'))
  }
})

test('after the log was replaced everything is read anew', async () => {
  await store.commit(person('a', 'root'))
  await readEntity('a')
  await readChildren('root')
  await store.raw.pool.query(`update head set log_id = 'another', revision = 2`)
  await store.raw.pool.query(`delete from entity where id = 'a'`)
  await store.raw.pool.query('delete from log where revision > 2')
  await replica.feed.catchUp()
  expect(await readEntity('a')).toBeNull()
  expect(await readChildren('root')).toEqual([])
  expect(replica.feed.appliedRevision).toBe(2)
})

test('a reading ends with the signal of its caller', async () => {
  const lock = await store.raw.pool.connect()
  await lock.query('begin')
  await lock.query('lock table head in access exclusive mode')
  const read = replica.read((source) => source.entity('a'), { signal: AbortSignal.timeout(50) })
  await expect(read).rejects.toMatchObject({ code: 'deadline_exceeded' })
  await lock.query('rollback')
  lock.release()
})

test('an error of a reading is thrown, and does not disturb the next one', async () => {
  const failing = (source: ReplicaSource): void => {
    source.entity('missing')
    throw new Error('a fault')
  }
  expect(() => replica.read(failing, caller)).toThrow('a fault')
  expect(await readEntity('root')).toMatchObject({ id: 'root' })
})
