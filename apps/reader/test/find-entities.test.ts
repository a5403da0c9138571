import {
  Comparison,
  ValueType,
  type FindEntitiesRequest,
  type FindEntitiesRequestSchema,
  type Value,
} from '@qcore/contracts'
import { messageFromFieldValue, type FieldValue } from '@qcore/model'
import type { MessageInitShape } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { atLeast, failureOf, latest, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

type FindInit = Exclude<MessageInitShape<typeof FindEntitiesRequestSchema>, FindEntitiesRequest>

const fields = {
  Int: ValueType.INT,
  Float: ValueType.FLOAT,
  Text: ValueType.STRING,
  Flag: ValueType.BOOL,
  Ref: ValueType.ENTITY_REFERENCE,
  Time: ValueType.TIMESTAMP,
  Level: ValueType.CHOICE,
} as const
type Name = keyof typeof fields
const names = Object.keys(fields) as Name[]

const samples: Readonly<Record<Name, readonly FieldValue[]>> = {
  Int: [-(2n ** 63n), -1n, 0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n],
  Float: [Number.NEGATIVE_INFINITY, -1.5, -0, 0, 0.1, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN],
  Text: ['', 'A', 'a', 'aa', 'é', '\uFFFD', '\u{1F600}', "'; drop table field"],
  Flag: [false, true],
  Ref: ['', 'p0', 'p1'],
  Time: [-1n, 0n, 1_767_225_600_000_001n],
  Level: ['high', 'low', 'mid'],
}
const comparisons = [1, 2, 3, 4, 5, 6] as Comparison[]

let reader: TestReader

beforeAll(async () => {
  reader = await startReader({
    prepare: async (raw) => {
      const schema = schemaOf('Thing', { ...fields, List: ValueType.ENTITY_LIST, Script: ValueType.TRANSFORMATION })
      await raw.commit([{ kind: 'schema', schema }])
      await raw.commit([{ kind: 'schema', schema: schemaOf('Other', { Int: ValueType.INT }) }])
      await raw.commit(
        Array.from({ length: 60 }, (_, index) => {
          const valueOf = (name: Name): FieldValue =>
            samples[name][(index * 7 + name.length) % samples[name].length] ?? ''
          return thing(`p${index}`, '', Object.fromEntries(names.map((name) => [name, valueOf(name)])))
        }),
      )
      await raw.commit([{ kind: 'create', type: 'Other', id: 'o', parentId: 'p0', name: 'o', values: { Int: 0n } }])
    },
  })
})

afterAll(() => reader[Symbol.asyncDispose]())

const valueOf = (name: Name, value: FieldValue): Value => messageFromFieldValue(fields[name], value)

function filterOf(field: Name, comparison: Comparison, value: FieldValue): NonNullable<FindInit['filters']> {
  return [{ field, comparison, value: valueOf(field, value) }]
}

/** An order that is not the reader's own: of JavaScript's own comparisons. */
function order(a: FieldValue, b: FieldValue): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1
  if (Number.isNaN(b)) return -1
  return a < b ? -1 : a > b ? 1 : 0
}

const holds: Readonly<Record<number, (order: number) => boolean>> = {
  [Comparison.EQUAL]: (o) => o === 0,
  [Comparison.NOT_EQUAL]: (o) => o !== 0,
  [Comparison.LESS]: (o) => o < 0,
  [Comparison.LESS_OR_EQUAL]: (o) => o <= 0,
  [Comparison.GREATER]: (o) => o > 0,
  [Comparison.GREATER_OR_EQUAL]: (o) => o >= 0,
}

interface Query {
  filters: { field: Name; comparison: Comparison; value: FieldValue }[]
  order: { field: Name; descending: boolean } | undefined
}

function expectedIds(query: Query): string[] {
  const type = reader.raw.state.types.get('Thing')
  const stored = (id: string, name: Name): FieldValue => {
    const position = type?.fieldsByName.get(name)?.position ?? -1
    return reader.raw.state.entities.get(id)?.fields[position]?.value ?? ''
  }
  const ids = [...reader.raw.state.entities.values()].filter((entity) => entity.type === 'Thing').map(({ id }) => id)
  const found = ids.filter((id) =>
    query.filters.every(({ field, comparison, value }) => holds[comparison]?.(order(stored(id, field), value))),
  )
  const by = query.order
  const direction = by?.descending === true ? -1 : 1
  return found.sort((a, b) => {
    const byKey = by === undefined ? 0 : order(stored(a, by.field), stored(b, by.field)) * direction
    return byKey || order(a, b)
  })
}

async function foundIds(query: Query, limit: number): Promise<string[]> {
  const request: FindInit = {
    type: 'Thing',
    filters: query.filters.map(({ field, comparison, value }) => ({ field, comparison, value: valueOf(field, value) })),
    ...(query.order === undefined ? {} : { order: query.order }),
    limit,
    consistency: latest,
  }
  const ids: string[] = []
  for (let cursor = '', page = 0; page < 100; page++) {
    const response = await reader.client.findEntities({ ...request, cursor })
    expect(response.entities.length).toBeLessThanOrEqual(limit)
    ids.push(...response.entities.map(({ entity }) => entity?.id ?? ''))
    cursor = response.nextCursor
    if (cursor === '') return ids
  }
  throw new Error('the pages do not end')
}

const anyField = fc.constantFrom(...names)
const anyFilter = anyField.chain((field) =>
  fc.record({
    field: fc.constant(field),
    comparison: fc.constantFrom(...comparisons),
    value: fc.constantFrom(...samples[field]),
  }),
)
const anyQuery: fc.Arbitrary<Query> = fc.record({
  filters: fc.array(anyFilter, { maxLength: 4 }),
  order: fc.option(fc.record({ field: anyField, descending: fc.boolean() }), { nil: undefined }),
})

test('any filters and any order find what a search by hand finds, in pages of any size', async () => {
  await fc.assert(
    fc.asyncProperty(anyQuery, fc.constantFrom(4, 17, 1_000), async (query, limit) => {
      expect(await foundIds(query, limit)).toEqual(expectedIds(query))
    }),
    { numRuns: 100 },
  )
}, 60_000)

test('every comparison of every type finds what a search by hand finds', async () => {
  for (const field of names) {
    for (const comparison of comparisons) {
      const query: Query = { filters: [{ field, comparison, value: samples[field][1] ?? '' }], order: undefined }
      expect(await foundIds(query, 1_000), `${field} ${comparison}`).toEqual(expectedIds(query))
    }
  }
})

test('entities come with their selected fields, in the order of the selection', async () => {
  const request: FindInit = {
    type: 'Thing',
    filters: filterOf('Int', Comparison.EQUAL, 0n),
    select: ['Text', 'Name', 'Int', 'Children', 'Parent', 'List'],
    limit: 1,
    consistency: latest,
  }
  const { entities, revision } = await reader.client.findEntities(request)
  const [id] = expectedIds({ filters: [{ field: 'Int', comparison: Comparison.EQUAL, value: 0n }], order: undefined })
  expect(revision).toBe(BigInt(reader.raw.state.revision))
  expect(entities[0]?.entity).toMatchObject({ id, type: 'Thing', name: id, parentId: '', createdRevision: 3n })
  expect(entities[0]?.fields.map(({ value }) => value?.kind.case)).toEqual([
    'string',
    'string',
    'int',
    'entityList',
    'entityReference',
    'entityList',
  ])
  expect(entities[0]?.fields[2]).toMatchObject({ writer: 'writer-0', revision: 3n, value: { kind: { value: 0n } } })
})

test('filters that contradict each other find nothing', async () => {
  const filters = [...filterOf('Int', Comparison.GREATER, 5n), ...filterOf('Int', Comparison.LESS, 5n)]
  const { entities, nextCursor } = await reader.client.findEntities({ type: 'Thing', filters })
  expect({ entities, nextCursor }).toEqual({ entities: [], nextCursor: '' })
})

test('what cannot be found by is refused and named', async () => {
  const find = (request: FindInit): Promise<{ code: string; field: string }> =>
    failureOf(reader.client.findEntities({ type: 'Thing', ...request }))
  const equal = Comparison.EQUAL
  const int = { kind: { case: 'int', value: 1n } } as const
  expect(await find({ type: 'Nothing' })).toEqual({ code: 'unknown_type', field: 'type' })
  expect(await find({ filters: [{ field: 'Missing', comparison: equal, value: int }] })).toEqual({
    code: 'unknown_field',
    field: 'filters[0].field',
  })
  expect(await find({ filters: [{ field: 'List', comparison: equal, value: int }] })).toEqual({
    code: 'invalid_filter',
    field: 'filters[0].field',
  })
  const second = [...filterOf('Int', equal, 1n), { field: 'Text', comparison: equal, value: int }]
  expect(await find({ filters: second })).toEqual({ code: 'type_mismatch', field: 'filters[1].value' })
  expect(await find({ filters: filterOf('Level', equal, 'none') })).toEqual({
    code: 'unknown_choice',
    field: 'filters[0].value',
  })
  expect(await find({ filters: filterOf('Text', equal, 'x'.repeat(1_024)) })).toEqual({
    code: 'invalid_filter',
    field: 'filters[0].value',
  })
  expect(await find({ order: { field: 'Script' } })).toEqual({ code: 'invalid_filter', field: 'order.field' })
  expect(await find({ order: { field: 'Missing' } })).toEqual({ code: 'unknown_field', field: 'order.field' })
  expect(await find({ select: ['Int', 'Missing'] })).toEqual({ code: 'unknown_field', field: 'select[1]' })
})

test('a text of the longest length that can be compared is compared exactly', async () => {
  const longest = 'x'.repeat(1_023)
  await reader.commit({ kind: 'write', id: 'p1', field: 'Text', value: `${longest}yz` })
  await reader.commit({ kind: 'write', id: 'p2', field: 'Text', value: longest })
  const query: Query = { filters: [{ field: 'Text', comparison: Comparison.EQUAL, value: longest }], order: undefined }
  expect(await foundIds(query, 10)).toEqual(['p2'])
})

test('a cursor is good for its own request only', async () => {
  const request: FindInit = { type: 'Thing', order: { field: 'Text' }, limit: 5, consistency: latest }
  const { nextCursor } = await reader.client.findEntities(request)
  const find = (changes: FindInit): Promise<{ code: string; field: string }> =>
    failureOf(reader.client.findEntities({ ...request, cursor: nextCursor, ...changes }))
  const refused = { code: 'invalid_cursor', field: 'cursor' }
  expect(await find({ limit: 6 })).toEqual(refused)
  expect(await find({ order: { field: 'Text', descending: true } })).toEqual(refused)
  expect(await find({ filters: filterOf('Int', Comparison.EQUAL, 0n) })).toEqual(refused)
  expect(await find({ cursor: nextCursor.slice(0, -1) })).toEqual(refused)
  expect(await find({ cursor: `${nextCursor}A` })).toEqual(refused)
  expect(await find({ cursor: `${nextCursor.slice(0, 30)}A${nextCursor.slice(31)}` })).toEqual(refused)
  expect(await find({ cursor: 'not a cursor' })).toEqual(refused)
  const { nextCursor: ofChildren } = await reader.client.listChildren({ entityId: 'p0', limit: 1 })
  expect(ofChildren).toBe('')
  const page = await reader.client.findEntities({ ...request, cursor: nextCursor, consistency: {} })
  expect(page.entities).toHaveLength(5)
})

test('without a limit a page has a hundred entities at most', async () => {
  const added = Array.from({ length: 60 }, (_, index) => thing(`q${index}`, 'p0'))
  const consistency = atLeast(await reader.commit(...added))
  const { entities, nextCursor } = await reader.client.findEntities({ type: 'Thing', consistency })
  expect(entities).toHaveLength(100)
  expect(nextCursor).not.toBe('')
})
