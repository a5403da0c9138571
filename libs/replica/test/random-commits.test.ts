import { clone, create } from '@bufbuild/protobuf'
import { ChildOrder, FieldDefinitionSchema, TypeSchemaSchema, ValueType } from '@qcore/contracts'
import type { TypeModel } from '@qcore/model'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compareText } from '@qcore/model'
import { openPast, type Past, type Replica, type ReplicaSource } from '../src/index.ts'
import type { RawMutation } from '../src/testing.ts'
import { alter, caller, createTestStore, person, plain, rename, retype, write, type TestStore } from './_replica.ts'

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

function personModel(): TypeModel {
  const model = store.raw.state.types.get('Person')
  if (model === undefined) throw new Error('the type is missing')
  return model
}

const nickName = (): string => (personModel().fieldsByName.has('Nick') ? 'Nick' : 'Alias')
const ageIsText = (): boolean => personModel().fieldsByName.get('Age')?.valueType === ValueType.STRING

/** What the type Person becomes: each kind of step, there and back again. */
function alteration(kind: number): RawMutation {
  switch (kind) {
    case 0:
      return nickName() === 'Nick' ? alter(rename('Nick', 'Alias')) : alter(rename('Alias', 'Nick'))
    case 1:
      if (ageIsText()) return alter(retype('Age', ValueType.INT))
      return alter(retype('Age', ValueType.STRING, { defaultValue: { kind: { case: 'string', value: '0' } } }))
    case 2:
      return alter(
        { case: 'removeField', value: { field: 'Mood' } },
        { case: 'addField', value: { field: { name: 'Mood', valueType: ValueType.BOOL } } },
      )
    default: {
      const childOrder = personModel().hasOrderedChildren ? ChildOrder.NAME : ChildOrder.EXPLICIT
      return alter({ case: 'setChildRules', value: { childOrder } })
    }
  }
}

/** The schema with another field. */
function longerSchema(name: string): RawMutation {
  const schema = clone(TypeSchemaSchema, personModel().schema)
  schema.fields.push(create(FieldDefinitionSchema, { name, valueType: ValueType.STRING }))
  return { kind: 'schema', schema }
}

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
    else if (what === 1) mutations.push(write(id, nickName(), `text ${value}`))
    else if (what === 6) mutations.push({ kind: 'move', id, name: `n${value}` })
    else if (what === 7)
      mutations.push({ kind: 'move', id, parentId: value < 3 ? 'root' : 'shelf', place: `a${value}` })
    else if (what === 2) mutations.push(write(id, 'Friends', ids.slice(0, value)))
    else mutations.push(write(id, 'Age', ageIsText() ? `${value}` : BigInt(value)))
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
  if (personModel().hasOrderedChildren) children.sort((a, b) => compareText(a.place, b.place))
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
    alters: fc.option(fc.nat(3), { freq: 4 }),
    addsField: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      for (const { choices, isTold, isRead, isLarge, alters, addsField } of steps) {
        store.raw.state.leavesValuesOut = isLarge
        const schema = addsField && added < 5 ? [longerSchema(`Extra${added++}`)] : []
        const mutations = alters === null ? [...schema, ...commitOf(choices)] : [alteration(alters)]
        if (isTold) await store.commit(...mutations)
        else await store.commitSilently(...mutations)
        history.set(store.raw.state.revision, expected())
        typesOf.set(
          store.raw.state.revision,
          personModel().fields.map(({ name }) => name),
        )
        if (!isRead) continue
        for (const each of [replica, small]) {
          await each.feed.waitFor(store.raw.state.revision, AbortSignal.timeout(5_000))
          expect(await each.read(snapshot, caller)).toEqual(expected())
        }
      }
    }),
    { numRuns: 25 },
  )
  const past = openPast(store.raw.pool)
  await replica.feed.waitFor(store.raw.state.revision, AbortSignal.timeout(5_000))
  for (const [revision, then] of history) expect(await pastSnapshot(past, revision), `${revision}`).toEqual(then)
  for (const [revision, then] of typesOf) {
    const types = await past.types(revision)
    expect(types.get('Person')?.fields.map(({ name }) => name)).toEqual(then)
  }
}, 60_000)

async function pastSnapshot(past: Past, revision: number): Promise<unknown> {
  const entities = await past.entities(ids, revision)
  const lists = await past.children(['root', 'shelf'], revision)
  const [children, shelved] = ['root', 'shelf'].map((id) => lists.get(id)?.ids())
  return { entities: ids.map((id) => entities.get(id)), children, shelved }
}
