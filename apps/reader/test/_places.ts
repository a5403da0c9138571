import { ValueType } from '@qcore/contracts'
import { referencedIds, type EntityState, type FieldValue, type TypeModel } from '@qcore/model'
import {
  checkQuery,
  compareOrdered,
  evaluate,
  joined,
  orderKeys,
  type ComparisonSign,
  type Condition,
  type Literal,
  type Query,
  type QuerySource,
} from '@qcore/query'
import type { RawMutation, RawStore } from '@qcore/replica/testing'
import fc from 'fast-check'
import { schemaOf } from './_reader.ts'

const { INT, FLOAT, STRING, BOOL, CHOICE, TIMESTAMP, ENTITY_REFERENCE, ENTITY_LIST } = ValueType

/** Types whose names of fields overlap: a path may lead to fields of several types. */
export const placeSchemas = [
  schemaOf('Thing', {
    Int: INT,
    Float: FLOAT,
    Text: STRING,
    Flag: BOOL,
    Level: CHOICE,
    Time: TIMESTAMP,
    Owner: ENTITY_REFERENCE,
    Items: ENTITY_LIST,
  }),
  schemaOf('Other', { Int: STRING, Text: STRING, Owner: ENTITY_REFERENCE, Name: STRING }),
  schemaOf('Third', { Float: INT, Parent: ENTITY_REFERENCE, Items: ENTITY_REFERENCE }),
]

const ints = [-(2n ** 63n), -1n, 0n, 1n, 2n ** 63n - 1n]
const floats = [Number.NEGATIVE_INFINITY, -1.5, -0, 0, 0.1, Number.POSITIVE_INFINITY, Number.NaN]
const texts = ['', 'A', 'a', 'aa', 'ab', 'é', '\u{FFFD}', '\u{1F600}', `${'x'.repeat(2_000)}end`, 'p3', "'; --", 'a\0b']
const times = [-1n, 0n, 1_767_225_600_000_001n]
const names = ['Kitchen', 'Hall', 'a', 'aa', 'é', '\u{1F600}']
const choices = ['high', 'low', 'mid']
const ids = Array.from({ length: 40 }, (_, index) => `p${index}`)

function pick<T>(list: readonly T[], seed: number): T {
  const value = list[seed % list.length]
  if (value === undefined) throw new Error('the list is empty')
  return value
}

function valuesOf(type: string, seed: number): Record<string, FieldValue> {
  const reference = seed % 4 === 0 ? '' : pick(ids, seed * 7)
  const list = ids.filter((_id, index) => (index + seed) % 9 === 0).slice(0, seed % 5)
  switch (type) {
    case 'Thing':
      return {
        Int: pick(ints, seed),
        Float: pick(floats, seed * 3),
        Text: pick(texts, seed * 5),
        Flag: seed % 3 === 0,
        Level: pick(choices, seed),
        Time: pick(times, seed),
        Owner: reference,
        Items: list,
      }
    case 'Other':
      return { Int: pick(texts, seed), Text: pick(texts, seed + 1), Owner: reference, Name: pick(names, seed) }
    default:
      return { Float: pick(ints, seed), Parent: reference, Items: pick(ids, seed * 3) }
  }
}

const typeNames = ['Thing', 'Thing', 'Other', 'Thing', 'Third'] as const

/** Forty entities below each other, that refer to each other. */
export function createPlaces(): RawMutation[] {
  return ids.map((id, index): RawMutation => ({
    kind: 'create',
    type: pick(typeNames, index),
    id,
    parentId: index === 0 ? '' : pick(ids, Math.floor((index - 1) / 3)),
    name: pick(names, index * 5),
    values: valuesOf(pick(typeNames, index), index),
  }))
}

/** A write, a creation, a deletion, or a move. */
export const anyChange: fc.Arbitrary<(state: RawStore['state']) => RawMutation[]> = fc
  .record({ id: fc.constantFrom(...ids), seed: fc.nat(1_000), field: fc.nat(7) })
  .map(({ id, seed, field }) => (state) => {
    const entity = state.entities.get(id)
    const all = [...state.entities.values()]
    if (entity === undefined) {
      const type = pick(typeNames, seed)
      const parentId = all[0]?.id ?? ''
      return [
        { kind: 'create', type, id, parentId, name: pick(names, seed), values: existing(valuesOf(type, seed), state) },
      ]
    }
    const isLeaf = all.every(({ parentId }) => parentId !== id)
    if (seed % 5 === 0 && isLeaf) return [...all.flatMap((other) => clearing(other, id, state)), { kind: 'delete', id }]
    if (seed % 5 === 1 && isLeaf && entity.parentId !== '') {
      const parentId = all.find((other) => other.id !== id && seed % other.name.length === 0)?.id ?? entity.parentId
      return [{ kind: 'move', id, parentId, name: pick(names, seed) }]
    }
    const [name, value] = pick(Object.entries(existing(valuesOf(entity.type, seed), state)), field)
    return [{ kind: 'write', id, field: name, value }]
  })

/** Nothing refers to what is not there. */
function existing(values: Record<string, FieldValue>, { entities }: RawStore['state']): Record<string, FieldValue> {
  const entries = Object.entries(values).map(([name, value]): [string, FieldValue] => {
    if (isList(value)) return [name, value.filter((id) => entities.has(id))]
    return [
      name,
      typeof value === 'string' && isId(value) && name !== 'Text' && name !== 'Int' && !entities.has(value)
        ? ''
        : value,
    ]
  })
  return Object.fromEntries(entries)
}

/** Clears the references of an entity to one that is deleted. */
function clearing(other: EntityState, id: string, { types }: RawStore['state']): RawMutation[] {
  const fields = types.get(other.type)?.fields ?? []
  return fields.flatMap((field): RawMutation[] => {
    const value = other.fields[field.position]?.value
    if (other.id === id || value === undefined || !referencedIds(field.valueType, value).includes(id)) return []
    const rest = isList(value) ? value.filter((each) => each !== id) : ''
    return [{ kind: 'write', id: other.id, field: field.name, value: rest }]
  })
}

function isList(value: FieldValue): value is readonly string[] {
  return Array.isArray(value)
}

function isId(value: string): boolean {
  return ids.includes(value)
}

const paths = [
  'Int',
  'Float',
  'Text',
  'Flag',
  'Level',
  'Time',
  'Owner',
  'Name',
  'Parent',
  'Parent->Name',
  'Parent->Int',
  'Parent->Parent->Name',
  'Parent->Parent',
  'Parent->Float',
  'Owner->Int',
  'Owner->Text',
  'Owner->Name',
  'Owner->Owner->Owner->Text',
  'Owner->Parent->Name',
  'Items->0->Int',
  'Items->2->Parent->Text',
  'Owner->Level',
] as const

const literals: readonly Literal[] = [
  ...ints,
  ...floats,
  ...texts.filter((text) => text.length < 1_000),
  ...names,
  ...choices,
  ...ids.slice(0, 6),
  true,
  false,
  ...times.map((micros) => ({ micros })),
]

const path = fc.constantFrom(...paths)
const literal = fc.constantFrom(...literals)
const text = fc.constantFrom(
  '',
  'a',
  'A',
  'aa',
  'end',
  'x',
  'K',
  '\u{1F600}',
  '\u{10FFFF}',
  '\u{D7FF}',
  'p1',
  'p3',
  'high',
)
const signs: readonly ComparisonSign[] = ['=', '!=', '<', '<=', '>', '>=']

const test: fc.Arbitrary<Condition> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('compare' as const),
      path,
      sign: fc.constantFrom(...signs),
      value: literal,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('in' as const),
      path,
      values: fc.array(literal, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('contains' as const, 'starts_with' as const),
      path: fc.constantFrom(
        ...paths,
        'Items' as const,
        'Children' as const,
        'Owner->Items' as const,
        'Parent->Children' as const,
      ),
      text,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('exists' as const),
      path: fc.constantFrom(
        ...paths,
        'Items' as const,
        'Children' as const,
        'Parent->Children' as const,
        'Owner->Items' as const,
      ),
    }),
  },
)

const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    test,
    fc
      .tuple(
        fc.constantFrom('all' as const, 'any' as const),
        fc.array(tie('condition'), { minLength: 1, maxLength: 3 }),
      )
      .map(([kind, conditions]) => joined(kind, conditions)),
    tie('condition').map((condition): Condition => ({ kind: 'not', condition })),
  ),
}))

/** Queries of things. Some of them do not fit the schemas. */
export const anyThingQuery: fc.Arbitrary<Query> = fc.record({
  type: fc.constant('Thing'),
  select: fc.constant([]),
  where: fc.option(condition, { nil: undefined, freq: 10 }),
  order: fc.array(fc.record({ path, descending: fc.boolean() }), { maxLength: 3 }),
  limit: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })),
  count: fc.constant(false),
})

export interface Moment {
  readonly types: ReadonlyMap<string, TypeModel>
  readonly entities: ReadonlyMap<string, EntityState>
}

/** What a query finds, by looking at every entity. Throws where the query does not fit the schemas. */
export function expectedIds({ types, entities }: Moment, query: Query): string[] {
  const source: QuerySource = {
    entity: (id) => entities.get(id) ?? null,
    children: (id) => {
      const found = [...entities.values()].filter(({ parentId }) => parentId === id).map((child) => child.id)
      return { length: found.length, ids: () => found }
    },
    type: (name) => types.get(name),
  }
  const { where, order } = checkQuery(query, { get: (name) => types.get(name), names: [...types.keys()].sort() })
  const found = [...entities.values()]
    .filter((entity) => entity.type === query.type && (where === undefined || evaluate(where, entity, source) === true))
    .map((entity) => ({ id: entity.id, keys: orderKeys(order, entity, source) ?? [] }))
    .sort((a, b) => compareOrdered(order, a, b))
    .map(({ id }) => id)
  return query.limit === 0 ? found : found.slice(0, query.limit)
}
