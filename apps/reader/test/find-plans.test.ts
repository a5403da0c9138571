import { create } from '@bufbuild/protobuf'
import { Comparison, FindEntitiesRequestSchema, ValueType, type FindEntitiesRequest } from '@qcore/contracts'
import { openPool } from '@qcore/database'
import type { TypeModel } from '@qcore/model'
import { openRawStore, type RawStore } from '@qcore/replica/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { planFind } from '../src/find/plan-find.ts'
import { compileStatement } from '../src/query/sql.ts'
import type { After } from '../src/query/order-sql.ts'
import { afterOf, findStatement, loadPage } from '../src/query/query-page.ts'
import { findSettings } from '../src/query/run-statement.ts'
import { schemaOf } from './_reader.ts'

/** More than the most that a condition may drive by, twice. */
const entities = 20_000

type Init = Exclude<Parameters<typeof create<typeof FindEntitiesRequestSchema>>[1], undefined | FindEntitiesRequest>

let raw: RawStore
let pool: ReturnType<typeof openPool>
let type: TypeModel
const types = { get: (): TypeModel => type, names: ['Thing'] }

beforeAll(async () => {
  raw = await openRawStore(inject('postgresUrl'))
  const schema = schemaOf('Thing', {
    Serial: ValueType.INT,
    Few: ValueType.INT,
    Half: ValueType.BOOL,
    Most: ValueType.INT,
    Weight: ValueType.FLOAT,
    Code: ValueType.STRING,
  })
  await raw.commit([{ kind: 'schema', schema }])
  const model = raw.state.types.get('Thing')
  if (model === undefined) throw new Error('the type was just made')
  type = model
  const database = {
    address: inject('postgresUrl'),
    store: raw.store,
    applicationName: 'test',
    settings: findSettings,
  }
  pool = openPool({ ...database, max: 1 }, () => undefined)
  await pool.query(
    `insert into entity (id, type, name, parent_id, depth, created_revision)
     select 'e' || to_char(i, 'FM00000'), 'Thing', 'n', '', 1, 1 from generate_series(0, ${entities - 1}) i`,
  )
  await pool.query(
    `insert into field (entity_id, field_id, value, write_time_us, writer, revision, int_key, float_key, text_key)
     select 'e' || to_char(i, 'FM00000'), f.id, '\\x0800', 0, '', 1, f.int_key, f.float_key, f.text_key
     from generate_series(0, ${entities - 1}) i
     cross join lateral (values
       (1, i, null, null), (2, i % 2000, null, null), (3, i % 2, null, null), (4, (i % 10 = 0)::int, null, null),
       (5, null, i / 7.0, null), (6, null, null, decode(md5(i::text), 'hex'))
     ) f (id, int_key, float_key, text_key)`,
  )
})

afterAll(async () => {
  await pool.end()
  await raw[Symbol.asyncDispose]()
})

const int = (value: number): NonNullable<Init['filters']>[number]['value'] => ({
  kind: { case: 'int', value: BigInt(value) },
})
const where = (field: string, comparison: Comparison, value: number): NonNullable<Init['filters']>[number] => ({
  field,
  comparison,
  value:
    field === 'Half'
      ? { kind: { case: 'bool', value: value === 1 } }
      : field === 'Weight'
        ? { kind: { case: 'float', value } }
        : int(value),
})

const { EQUAL, NOT_EQUAL, LESS, GREATER, GREATER_OR_EQUAL } = Comparison

/** Requests, and which entities they find, by number. */
const requests: readonly { name: string; request: Init; finds: (i: number) => boolean; by?: (i: number) => number }[] =
  [
    { name: 'all, by id', request: {}, finds: () => true },
    { name: 'one value of many', request: { filters: [where('Few', EQUAL, 5)] }, finds: (i) => i % 2_000 === 5 },
    { name: 'one value of two', request: { filters: [where('Half', EQUAL, 1)] }, finds: (i) => i % 2 === 1 },
    { name: 'another value', request: { filters: [where('Most', NOT_EQUAL, 0)] }, finds: (i) => i % 10 === 0 },
    { name: 'a wide range', request: { filters: [where('Serial', GREATER, 50)] }, finds: (i) => i > 50 },
    {
      name: 'a narrow range',
      request: { filters: [where('Serial', GREATER_OR_EQUAL, 100), where('Serial', LESS, 110)] },
      finds: (i) => i >= 100 && i < 110,
    },
    {
      name: 'a common value, by another field',
      request: { filters: [where('Half', EQUAL, 0)], order: { field: 'Serial' } },
      finds: (i) => i % 2 === 0,
    },
    {
      name: 'a common value, by another field, greatest first',
      request: { filters: [where('Half', EQUAL, 0)], order: { field: 'Serial', descending: true } },
      finds: (i) => i % 2 === 0,
      by: (i) => -i,
    },
    {
      name: 'a rare value, by another field',
      request: { filters: [where('Few', EQUAL, 7)], order: { field: 'Weight', descending: true } },
      finds: (i) => i % 2_000 === 7,
      by: (i) => -i,
    },
    {
      name: 'a common and a rare value',
      request: { filters: [where('Half', EQUAL, 1), where('Few', EQUAL, 7)] },
      finds: (i) => i % 2_000 === 7,
    },
    {
      name: 'common values of two fields',
      request: { filters: [where('Half', EQUAL, 0), where('Most', EQUAL, 1)], order: { field: 'Serial' } },
      finds: (i) => i % 10 === 0,
    },
    {
      name: 'wide ranges of two fields, by id',
      request: { filters: [where('Serial', GREATER, 500), where('Weight', LESS, 2_500)] },
      finds: (i) => i > 500 && i / 7 < 2_500,
    },
    {
      name: 'all but some of the order',
      request: { filters: [where('Serial', NOT_EQUAL, 3), where('Serial', NOT_EQUAL, 9)], order: { field: 'Serial' } },
      finds: (i) => i !== 3 && i !== 9,
    },
  ]

function idOf(i: number): string {
  return `e${String(i).padStart(5, '0')}`
}

function planOf(request: Init): ReturnType<typeof planFind> {
  return planFind(create(FindEntitiesRequestSchema, { type: 'Thing', limit: 50, ...request }), type)
}

function statementOf(request: Init, after?: After): ReturnType<typeof findStatement> {
  const { plan, columns } = planOf(request)
  return findStatement(plan, { types, columns, after })
}

async function explain(request: Init, after?: After): Promise<string> {
  const { text, params } = compileStatement(statementOf({ ...request, select: ['Serial', 'Code'] }, after))
  const { rows } = await pool.query<{ 'QUERY PLAN': string }>(`explain ${text}`, params)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

test.each(requests)('$name: three pages are those that a search by hand finds', async ({ request, finds, by }) => {
  const numbers = Array.from({ length: entities }, (_, i) => i).filter(finds)
  if (by !== undefined) numbers.sort((a, b) => by(a) - by(b))
  const ids: string[] = []
  let after: After | undefined
  for (let page = 0; page < 3; page++) {
    const { rows } = await loadPage(pool, statementOf(request, after))
    ids.push(...rows.slice(0, 50).map(({ id }) => id))
    const last = rows[49]
    if (rows.length <= 50 || last === undefined) break
    after = afterOf(planOf(request).plan, { id: last.id, keys: last.keys ?? [] })
  }
  expect(ids).toEqual(numbers.slice(0, 150).map(idOf))
})

describe.each(['never analyzed', 'analyzed'])('a store that was %s', (state) => {
  beforeAll(async () => {
    if (state === 'analyzed') await pool.query('analyze')
  })

  test.each(requests)('$name: no table is read from end to end', async ({ request }) => {
    const isOrdered = request.order !== undefined
    const after: After = { keys: isOrdered ? [100n] : [], id: 'e00100' }
    const first = await explain(request)
    const second = await explain(request, request.order?.field === 'Weight' ? { ...after, keys: [100] } : after)
    for (const plan of [first, second]) {
      expect(plan).not.toMatch(/Seq Scan on (field|entity)/)
      expect(plan).toMatch(/Index (Only )?Scan/)
    }
  })
})

test('what a page costs does not grow with what the conditions let through', async () => {
  for (const { name, request } of requests) {
    const { text, params } = compileStatement(statementOf(request))
    const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: { 'Shared Hit Blocks': number } }] }>(
      `explain (analyze, buffers, format json) ${text}`,
      params,
    )
    const blocks = rows[0]?.['QUERY PLAN'][0].Plan['Shared Hit Blocks']
    // The probes read some thousand index entries, the rest is a row or two an entity.
    expect(blocks, name).toBeLessThan(20_000)
  }
})
