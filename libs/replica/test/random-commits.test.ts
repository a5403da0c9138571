import { create } from '@bufbuild/protobuf'
import { ChildOrder, TypeSchemaSchema } from '@qcore/contracts'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compareText } from '@qcore/model'
import { loadPastTypes, openPast, TypeRegistry, type Past, type Replica, type ReplicaSource } from '../src/index.ts'
import type { RawMutation } from '../src/testing.ts'
import { caller, createTestStore, person, personSchema, plain, write, type TestStore } from './_replica.ts'

const ids = ['a', 'b', 'c', 'd', 'e', 'f']

let store: TestStore
let replica: Replica
let small: Replica

beforeAll(async () => {
  store = await createTestStore()
  await store.commit(
    { kind: 'schema', schema: create(TypeSchemaSchema, { type: 'Shelf', childOrder: ChildOrder.EXPLICIT }) },
    { kind: 'create', type: 'Shelf', id: 'shelf', parentId: 'root', name: 'shelf' },
  )
  replica = await store.openReplica()
  small = await store.openReplica({ cacheBytes: 3_000 })
})

afterAll(async () => {
  await replica[Symbol.asyncDispose]()
  await small[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

/** Mutations that are possible in the store as it is; a field changes at most once. */
function commitOf(choices: readonly { id: string; what: number; value: number }[]): RawMutation[] {
  const { entities } = store.raw.state
  const used = new Set<string>()
  const mutations: RawMutation[] = []
  for (const { id, what, value } of choices) {
    if (used.has(id)) continue
    used.add(id)
    if (!entities.has(id)) mutations.push(person(id, 'root', `n${value}`))
    else if (what === 0) mutations.push({ kind: 'delete', id })
    else if (what === 1) mutations.push(write(id, 'Nick', `text ${value}`))
    else if (what === 6) mutations.push({ kind: 'move', id, name: `n${value}` })
    else if (what === 7)
      mutations.push({ kind: 'move', id, parentId: value < 3 ? 'root' : 'shelf', place: `a${value}` })
    else if (what === 2) mutations.push(write(id, 'Friends', ids.slice(0, value)))
    else mutations.push(write(id, 'Age', BigInt(value)))
  }
  return mutations
}

const snapshot = (source: ReplicaSource): unknown => ({
  entities: ids.map((id) => plain(source.entity(id))),
  children: source.children('root')?.ids(),
  shelved: source.children('shelf')?.ids(),
})

function expected(): unknown {
  const { entities } = store.raw.state
  const sorted = [...entities.values()].sort((a, b) => compareText(a.name, b.name) || compareText(a.id, b.id))
  const children = sorted.filter(({ parentId }) => parentId === 'root')
  const shelved = sorted.filter(({ parentId }) => parentId === 'shelf')
  // The children of a shelf are ordered by their places.
  shelved.sort((a, b) => compareText(a.place, b.place))
  return {
    entities: ids.map((id) => entities.get(id) ?? null),
    children: children.map(({ id }) => id),
    shelved: shelved.map(({ id }) => id),
  }
}

test('after random commits, of which some are not told of, a cache of any size equals the store', async () => {
  let added = 0
  const history = new Map<number, unknown>()
  const typesOf = new Map<number, string[]>()
  const choice = fc.record({ id: fc.constantFrom(...ids), what: fc.nat(7), value: fc.nat(5) })
  const step = fc.record({
    choices: fc.array(choice, { minLength: 1, maxLength: 4 }),
    isTold: fc.boolean(),
    isRead: fc.boolean(),
    isLarge: fc.boolean(),
    addsField: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      for (const { choices, isTold, isRead, isLarge, addsField } of steps) {
        store.raw.state.leavesValuesOut = isLarge
        const names = Array.from({ length: added + Number(addsField && added < 5) }, (_, index) => `Extra${index}`)
        const schema: RawMutation[] = names.length > added ? [{ kind: 'schema', schema: personSchema(names) }] : []
        added = names.length
        const mutations = [...schema, ...commitOf(choices)]
        if (isTold) await store.commit(...mutations)
        else await store.commitSilently(...mutations)
        history.set(store.raw.state.revision, expected())
        typesOf.set(store.raw.state.revision, fieldNames())
        if (!isRead) continue
        for (const each of [replica, small]) {
          await each.feed.waitFor(store.raw.state.revision, AbortSignal.timeout(5_000))
          expect(await each.read(snapshot, caller)).toEqual(expected())
        }
      }
    }),
    { numRuns: 25 },
  )
  const past = openPast(store.raw.pool, (name) => replica.types?.get(name))
  await replica.feed.waitFor(store.raw.state.revision, AbortSignal.timeout(5_000))
  for (const [revision, then] of history) expect(await pastSnapshot(past, revision), `${revision}`).toEqual(then)
  for (const [revision, then] of typesOf) {
    const types = await loadPastTypes(store.raw.pool, replica.types ?? new TypeRegistry([]), revision)
    expect(types.get('Person')?.fields.map(({ name }) => name)).toEqual(then)
  }
}, 60_000)

function fieldNames(): string[] {
  return store.raw.state.types.get('Person')?.fields.map(({ name }) => name) ?? []
}

async function pastSnapshot(past: Past, revision: number): Promise<unknown> {
  const entities = await past.entities(ids, revision)
  const lists = await past.children(['root', 'shelf'], revision)
  const [children, shelved] = ['root', 'shelf'].map((id) => lists.get(id)?.ids())
  return { entities: ids.map((id) => entities.get(id)), children, shelved }
}
