import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { ArrayParameter, type ElementType } from '../src/index.ts'

let client: Client

beforeAll(async () => {
  client = new Client({ connectionString: inject('postgresUrl') })
  await client.connect()
})
afterAll(() => client.end())

it.each<[ElementType, string, (array: ArrayParameter) => void, string | null]>([
  ['text', 'text', (array) => array.addText('Grüße'), 'Grüße'],
  ['text', 'text', (array) => array.addText(''), ''],
  ['int4', 'int', (array) => array.addInt4(-5), '-5'],
  ['int8', 'bigint', (array) => array.addInt8(2 ** 53 - 1), '9007199254740991'],
  ['float8', 'float8', (array) => array.addFloat8(-0.5), '-0.5'],
  ['bytea', 'bytea', (array) => array.addBytes(Buffer.of(0, 255)), '\\x00ff'],
  ['bytea', 'bytea', (array) => array.addNull(), null],
])('PostgreSQL reads the only element of an array of %s by itself', async (type, sqlType, fill, expected) => {
  const array = new ArrayParameter(type)
  fill(array)
  const { rows } = await client.query(`select $1::${sqlType}::text as element`, [array.finishSingle()])
  expect(rows).toEqual([{ element: expected }])
})

it.each<[ElementType, string, (array: ArrayParameter) => void, (string | null)[]]>([
  ['text', 'text', (array) => ['', 'a', 'Grüße 😀'].forEach((text) => array.addText(text)), ['', 'a', 'Grüße 😀']],
  ['int4', 'int', (array) => [0, -1, 2_147_483_647].forEach((one) => array.addInt4(one)), ['0', '-1', '2147483647']],
  [
    'int8',
    'bigint',
    (array) => [-1, 2 ** 53 - 1, -(2 ** 53) + 1, 2n ** 63n - 1n, -(2n ** 63n)].forEach((one) => array.addInt8(one)),
    ['-1', '9007199254740991', '-9007199254740991', '9223372036854775807', '-9223372036854775808'],
  ],
  [
    'float8',
    'float8',
    (array) => [0.1, Number.NaN, -Infinity].forEach((one) => array.addFloat8(one)),
    ['0.1', 'NaN', '-Infinity'],
  ],
  [
    'bytea',
    'bytea',
    (array) => [Buffer.of(), Buffer.of(0, 255)].forEach((one) => array.addBytes(one)),
    ['\\x', '\\x00ff'],
  ],
  [
    'bytea',
    'bytea',
    (array) => ['', '\0ÿ', 'ÿ'.repeat(65)].forEach((one) => array.addLatin1(one)),
    ['\\x', '\\x00ff', `\\x${'ff'.repeat(65)}`],
  ],
  [
    'text',
    'text',
    (array) => ['a'.repeat(64), 'a'.repeat(65), `${'a'.repeat(63)}ü`].forEach((text) => array.addText(text)),
    ['a'.repeat(64), 'a'.repeat(65), `${'a'.repeat(63)}ü`],
  ],
  [
    'bytea',
    'bytea',
    (array) => [Buffer.alloc(64, 1), Buffer.alloc(65, 2)].forEach((one) => array.addBytes(one)),
    [`\\x${'01'.repeat(64)}`, `\\x${'02'.repeat(65)}`],
  ],
])('PostgreSQL reads an array of %s as it was filled, nulls included', async (type, sqlType, fill, expected) => {
  const array = new ArrayParameter(type)
  const text = `select element::text from unnest($1::${sqlType}[]) element`
  expect((await client.query<{ element: string }>(text, [array.finish()])).rows).toEqual([])
  fill(array)
  array.addNull()
  expect(array.length).toBe(expected.length + 1)
  const { rows } = await client.query<{ element: string | null }>(text, [array.finish()])
  expect(rows.map(({ element }) => element)).toEqual([...expected, null])
  array.reset()
  expect((await client.query<{ element: string }>(text, [array.finish()])).rows).toEqual([])
})

it('an array grows far beyond its first buffer', async () => {
  const array = new ArrayParameter('text')
  for (let index = 0; index < 20_000; index++) array.addText(`element ${index}`)
  const { rows } = await client.query<{ count: string; last: string }>(
    'select count(*), max(element) filter (where position = 20000) as last from unnest($1::text[]) with ordinality u (element, position)',
    [array.finish()],
  )
  expect(rows).toEqual([{ count: '20000', last: 'element 19999' }])
})
