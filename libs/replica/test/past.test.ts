import { readHead } from '@qcore/database'
import { ValueType } from '@qcore/contracts'
import type { EntityState } from '@qcore/model'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPast, readPast, resolvePath, type Past, type Replica } from '../src/index.ts'
import {
  alter,
  createTestStore,
  person,
  personSchema,
  plain,
  rename,
  retype,
  write,
  type TestStore,
} from './_replica.ts'

let store: TestStore
let replica: Replica
let past: Past

beforeEach(async () => {
  store = await createTestStore()
  replica = await store.openReplica()
  past = openPast(store.raw.pool)
})

afterEach(async () => {
  await replica[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function entityAt(id: string, revision: number): Promise<EntityState | null | undefined> {
  return plain((await past.entities([id], revision)).get(id))
}

async function childrenAt(id: string, revision: number): Promise<string[] | undefined> {
  return (await past.children([id], revision)).get(id)?.ids()
}

/** Drops the log before a revision, as the writer does. */
async function compactTo(revision: number): Promise<void> {
  await store.raw.pool.query('update head set oldest_revision = $1', [revision])
  await store.raw.pool.query('delete from log where revision < $1', [revision])
  await store.raw.pool.query('delete from tombstone where revision < $1', [revision])
}

test('a field that was written often since is found from both ends', async () => {
  await store.commit(person('ann', 'root'), person('bob', 'root'))
  const states = new Map<number, EntityState | undefined>()
  for (let round = 0; round < 40; round++) {
    const revision = await store.commit(write('ann', 'Age', BigInt(round)))
    states.set(revision, store.raw.state.entities.get('ann'))
    if (round % 5 === 0) await store.commit(write('bob', 'Nick', `${round}`))
  }
  for (const [revision, state] of states) expect(await entityAt('ann', revision), `${revision}`).toEqual(state)
})

test('what was deleted since is there, and an id that was used anew is the one of then', async () => {
  const before = store.raw.state.revision
  const first = await store.commit(person('ann', 'root', 'First'))
  const gone = await store.commit({ kind: 'delete', id: 'ann' })
  const second = await store.commit(person('ann', 'root', 'Second'))
  await store.commit({ kind: 'delete', id: 'ann' })
  const names = [before, first, gone, second, store.raw.state.revision].map(async (revision) => {
    expect(await childrenAt('root', revision)).toEqual(revision === first || revision === second ? ['ann'] : [])
    return (await entityAt('ann', revision))?.name
  })
  expect(await Promise.all(names)).toEqual([undefined, 'First', undefined, 'Second', undefined])
})

test('a value that was left out is the one that was written, not the default of the field', async () => {
  await store.commit(person('ann', 'root'))
  const added = await store.commit({ kind: 'schema', schema: personSchema(['Motto']) }, write('ann', 'Motto', 'first'))
  store.raw.state.leavesValuesOut = true
  await store.commit(write('ann', 'Motto', 'second'))
  const fields = (await entityAt('ann', added))?.fields
  expect(fields?.[5]).toMatchObject({ value: 'first', revision: added })
})

test('the types are those of then', async () => {
  const first = store.raw.state.revision
  const second = await store.commit({ kind: 'schema', schema: personSchema(['A']) })
  await store.commit({ kind: 'schema', schema: personSchema(['A', 'B']) })
  const namesAt = async (revision: number): Promise<string[] | undefined> => {
    const types = await past.types(revision)
    return types
      .get('Person')
      ?.fields.slice(5)
      .map(({ name }) => name)
  }
  expect(await namesAt(0)).toBeUndefined()
  expect(await namesAt(first)).toEqual([])
  expect(await namesAt(second)).toEqual(['A'])
  expect(await namesAt(store.raw.state.revision)).toEqual(['A', 'B'])
})

test('every step of a path is as of the revision', async () => {
  await store.commit(person('ann', 'root'), person('bob', 'root'), person('cat', 'bob', 'Cat'))
  await store.commit(write('ann', 'Boss', 'bob'))
  const then = await store.commit(write('cat', 'Nick', 'then'))
  await store.commit(write('ann', 'Boss', 'root'), write('cat', 'Nick', 'now'))
  await store.commit({ kind: 'delete', id: 'cat' })
  const types = await past.types(then)
  const target = await readPast(
    { past, types, revision: then },
    (source) => resolvePath(source, 'ann', { steps: ['Boss', 'Cat'], field: 'Nick' }),
    AbortSignal.timeout(5_000),
  )
  expect(target?.kind === 'field' && target.entity.fields[target.field.position]?.value).toBe('then')
})

test('behind the log is compacted, or right', async () => {
  const created = await store.commit(person('ann', 'root'), person('bob', 'root'))
  await store.commit(write('ann', 'Age', 1n))
  const quiet = await store.commit({ kind: 'delete', id: 'bob' })
  const last = await store.commit(write('ann', 'Age', 2n))
  await compactTo(quiet + 1)
  expect((await entityAt('ann', quiet))?.fields[0]?.value).toBe(1n)
  expect(await entityAt('bob', quiet)).toBeNull()
  expect(await childrenAt('root', quiet)).toEqual(['ann'])
  const metadata = { oldest_revision: `${quiet + 1}` }
  await expect(entityAt('bob', created)).rejects.toMatchObject({ code: 'compacted', metadata })
  await expect(childrenAt('root', created)).rejects.toMatchObject({ code: 'compacted', metadata })
  await expect(entityAt('ann', created)).rejects.toMatchObject({ code: 'compacted' })
  expect((await readHead(store.raw.pool)).revision).toBe(last)
})

test('a reading ends with its signal, however long the way back is', async () => {
  await store.commit(person('ann', 'root'))
  const then = store.raw.state.revision
  await store.commit(write('ann', 'Age', 1n))
  const reading = past.entities(['ann'], then, AbortSignal.abort())
  await expect(reading).rejects.toMatchObject({ code: 'deadline_exceeded' })
})

test('many entities are read by few statements', async () => {
  const ids = Array.from({ length: 150 }, (_, index) => `p${index}`)
  await store.commit(...ids.map((id) => person(id, 'root')))
  const then = store.raw.state.revision
  for (const id of ids) await store.commit(write(id, 'Age', 1n))
  let statements = 0
  const counting = {
    query: (...args: Parameters<typeof store.raw.pool.query>) => {
      statements++
      return store.raw.pool.query(...args)
    },
  }
  const counted = openPast(counting as typeof store.raw.pool)
  const found = await counted.entities(ids, then)
  expect([...found.values()].map((entity) => entity?.fields[0]?.value)).toEqual(ids.map(() => 0n))
  expect(statements).toBeLessThan(5)
})

test('a value that was converted is known, whatever the field is called and however large the commits are', async () => {
  await store.commit(person('ann', 'root'), write('ann', 'Age', 7n))
  const before = store.raw.state.revision
  await store.commit(alter(rename('Age', 'Years'), retype('Years', ValueType.STRING)))
  const converted = store.raw.state.revision
  store.raw.state.leavesValuesOut = true
  await store.commit(alter(rename('Years', 'Aged')))
  await store.commit(write('ann', 'Aged', 'old'))
  await store.commit({ kind: 'delete', id: 'ann' })
  const valueAt = async (revision: number, name: string): Promise<unknown> => {
    const position = (await past.types(revision)).get('Person')?.fieldsByName.get(name)?.position ?? -1
    return (await entityAt('ann', revision))?.fields[position]?.value
  }
  expect(await valueAt(before, 'Age')).toBe(7n)
  expect(await valueAt(converted, 'Years')).toBe('7')
  expect(await valueAt(converted + 1, 'Aged')).toBe('7')
  expect(await valueAt(converted + 2, 'Aged')).toBe('old')
})
