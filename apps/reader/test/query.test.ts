import type { MessageInitShape } from '@bufbuild/protobuf'
import { isQError } from '@qcore/errors'
import { checkQuery, messageFromQuery, parseQuery, printQuery, type Query } from '@qcore/query'
import type { QueryRequestSchema, QueryResponse } from '@qcore/contracts'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { After } from '../src/query/order-sql.ts'
import { afterOf, findStatement, loadCount, loadPage } from '../src/query/query-page.ts'
import { planQuery } from '../src/query/query-plan.ts'
import { anyThingQuery, createPlaces, expectedIds, placeSchemas } from './_places.ts'
import { failureOf, latest, startReader, type TestReader } from './_reader.ts'

let reader: TestReader

beforeAll(async () => {
  reader = await startReader({
    prepare: async (raw) => {
      await raw.commit(placeSchemas.map((schema) => ({ kind: 'schema', schema })))
      await raw.commit(createPlaces())
    },
  })
})

afterAll(() => reader[Symbol.asyncDispose]())

type Source = Exclude<MessageInitShape<typeof QueryRequestSchema>['source'], undefined>

async function foundIds(source: Source, pageSize: number): Promise<string[]> {
  const ids: string[] = []
  for (let cursor = '', page = 0; page < 100; page++) {
    const response = await reader.queries.query({ source, pageSize, cursor, consistency: latest })
    expect(response.entities.length).toBeLessThanOrEqual(pageSize)
    ids.push(...response.entities.map(({ entity }) => entity?.id ?? ''))
    cursor = response.nextCursor
    if (cursor === '') return ids
  }
  throw new Error('the pages do not end')
}

function ask(text: string): Promise<QueryResponse> {
  return reader.queries.query({ source: { case: 'text', value: text }, consistency: latest })
}

/** Undefined: it does not fit the schemas, and is refused. */
function expectedOrRefused(query: Query): string[] | string {
  try {
    return expectedIds(reader.raw.state, query)
  } catch (error) {
    if (!isQError(error)) throw error
    return error.code
  }
}

test('any query finds what evaluating it on every entity finds, in the same order, in pages of any size', async () => {
  let found = 0
  await fc.assert(
    fc.asyncProperty(anyThingQuery, fc.constantFrom(3, 7, 1_000), fc.boolean(), async (query, pageSize, asText) => {
      const expected = expectedOrRefused(query)
      const source: Source = asText
        ? { case: 'text', value: printQuery(query) }
        : { case: 'query', value: messageFromQuery(query) }
      if (typeof expected === 'string') {
        expect((await failureOf(reader.queries.query({ source }))).code).toBe(expected)
        return
      }
      if (expected.length > 0) found++
      expect(await foundIds(source, pageSize)).toEqual(expected)
      const counted = messageFromQuery({ ...query, order: [], limit: 0, count: true })
      const { count } = await reader.queries.query({ source: { case: 'query', value: counted } })
      expect(Number(count)).toBe(expectedIds(reader.raw.state, { ...query, limit: 0 }).length)
    }),
    { numRuns: 250 },
  )
  // Else the queries are too strange to tell anything.
  expect(found).toBeGreaterThan(30)
}, 120_000)

test('it finds the same whichever way is taken to the entities', async () => {
  const types = { get: (name: string) => reader.raw.state.types.get(name), names: ['Other', 'Thing', 'Third'] }
  await fc.assert(
    fc.asyncProperty(
      anyThingQuery,
      fc.constantFrom(3, 7, 100),
      fc.constantFrom(0, 1, 5),
      async (query, limit, driving) => {
        const expected = expectedOrRefused({ ...query, limit: 0 })
        if (typeof expected === 'string') return
        const plan = { ...planQuery(checkQuery(query, types), limit), mostDriving: driving }
        if (plan.isEmpty) {
          expect(expected).toEqual([])
          return
        }
        const ids: string[] = []
        for (let after: After | undefined; ;) {
          const { rows } = await loadPage(reader.raw.pool, findStatement(plan, { types, columns: [], after }))
          ids.push(...rows.slice(0, limit).map(({ id }) => id))
          const last = rows[limit - 1]
          if (rows.length <= limit || last === undefined) break
          after = afterOf(plan, { id: last.id, keys: last.keys ?? [] })
        }
        expect(ids).toEqual(expected)
        expect((await loadCount(reader.raw.pool, plan, types)).count).toBe(expected.length)
      },
    ),
    { numRuns: 250 },
  )
}, 120_000)

test('fields come in the order of the selection, along paths, with the reason where a path leads nowhere', async () => {
  const { columns, entities } = await ask(
    `SELECT Text, Name, Owner->Name, Parent->Parent, Items->0->Text, Children FROM Thing ORDER BY Name, Int LIMIT 12`,
  )
  expect(columns).toEqual(['Text', 'Name', 'Owner->Name', 'Parent->Parent', 'Items->0->Text', 'Children'])
  for (const { entity, fields } of entities) {
    const reads = columns.map((path) => ({ entityId: entity?.id ?? '', path }))
    const { results } = await reader.client.readFields({ reads })
    for (const [index, field] of fields.entries()) {
      const read = results[index]?.outcome
      if (read?.case === 'field') expect(field.outcome, columns[index]).toEqual(read)
      else expect(field.outcome).toMatchObject({ case: 'problem', value: { code: 'broken_path' } })
    }
  }
  const outcomes = entities.flatMap(({ fields }) => fields.map(({ outcome }) => outcome.case))
  expect(new Set(outcomes)).toEqual(new Set(['field', 'problem']))
})

test('* selects all fields of the type', async () => {
  const { columns, entities } = await ask('SELECT * FROM Thing LIMIT 1')
  expect(columns).toEqual(['Int', 'Float', 'Text', 'Flag', 'Level', 'Time', 'Owner', 'Items'])
  expect(entities[0]?.fields.every(({ outcome }) => outcome.case === 'field')).toBe(true)
})

test('what cannot be answered is refused and named', async () => {
  const refused = (text: string): Promise<{ code: string; field: string }> => failureOf(ask(text))
  expect(await refused('FROM')).toEqual({ code: 'invalid_query', field: 'text' })
  expect(await refused('FROM Nothing')).toEqual({ code: 'unknown_type', field: 'type' })
  expect(await refused('FROM Thing WHERE Int = 1 OR Missing = 2')).toEqual({
    code: 'unknown_field',
    field: 'where.any[1].compare.path',
  })
  expect(await failureOf(reader.queries.query({}))).toEqual({ code: 'invalid_request', field: 'source' })
  expect(
    await failureOf(reader.queries.query({ source: { case: 'query', value: { type: 'Thing', where: {} } } })),
  ).toEqual({
    code: 'invalid_request',
    field: 'query.where.kind',
  })
})

test('a cursor is good for its own query and size of pages only, however the query is written', async () => {
  const text = 'FROM Thing ORDER BY Text'
  const first = await reader.queries.query({ source: { case: 'text', value: text }, pageSize: 5, consistency: latest })
  const next = (request: MessageInitShape<typeof QueryRequestSchema>): Promise<unknown> =>
    reader.queries.query({ cursor: first.nextCursor, pageSize: 5, ...request })
  const refused = { code: 'invalid_cursor', field: 'cursor' }
  expect(await failureOf(next({ source: { case: 'text', value: text }, pageSize: 6 }))).toEqual(refused)
  expect(await failureOf(next({ source: { case: 'text', value: `${text} DESC` } }))).toEqual(refused)
  await next({ source: { case: 'query', value: messageFromQuery(parseQuery(text)) } })
})

test('explain shows the statement, its parameters, the indexes, and what has none', async () => {
  const text = `SELECT Text FROM Thing WHERE Int >= 1 AND Parent->Name = 'Kitchen' AND Text CONTAINS 'x' ORDER BY Name LIMIT 5`
  const explained = await reader.queries.explain({ source: { case: 'text', value: text } })
  expect(explained.text).toBe(text)
  expect(explained.sql).toMatch(/^with .* select .*\$1/)
  expect(explained.parameters).toContain('Kitchen')
  expect(explained.parameters).toContain('\\x78')
  expect(explained.indexes).toContain('field_int_key')
  expect(explained.indexes).toContain('entity_type_name')
  expect(explained.plan.join('\n')).not.toContain('Seq Scan on field')
  expect(explained.unindexed).toEqual([`Text CONTAINS 'x'`])
  const counted = await reader.queries.explain({
    source: { case: 'text', value: 'SELECT COUNT(*) FROM Thing WHERE EXISTS Owner' },
  })
  expect(counted.sql).toContain('count(*)')
  expect(counted.unindexed).toEqual(['EXISTS Owner'])
})
