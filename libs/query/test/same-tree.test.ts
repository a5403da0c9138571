import { fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf'
import { QuerySchema } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { and, messageFromQuery, not, or, parseQuery, printQuery, query, queryFromMessage } from '../src/index.ts'
import { anyQuery } from './_arbitrary-query.ts'

test('a query is the same after it was text, bytes or JSON', () => {
  fc.assert(
    fc.property(anyQuery, (tree) => {
      expect(parseQuery(printQuery(tree))).toEqual(tree)
      const message = messageFromQuery(tree)
      expect(queryFromMessage(fromBinary(QuerySchema, toBinary(QuerySchema, message)))).toEqual(tree)
      expect(queryFromMessage(fromJson(QuerySchema, toJson(QuerySchema, message)))).toEqual(tree)
    }),
    { numRuns: 500 },
  )
})

describe('the builder and the text make the same tree', () => {
  test.each([
    [query('Device'), 'FROM Device'],
    [query('Device').count(), 'SELECT COUNT(*) FROM Device'],
    [
      query('Device')
        .where({ Status: 'ON', 'Parent->Name': 'Kitchen' })
        .select('Status', 'Name')
        .orderBy('Name')
        .limit(50),
      `SELECT Status, Name FROM Device WHERE Status = 'ON' AND Parent->Name = 'Kitchen' ORDER BY Name LIMIT 50`,
    ],
    [
      query('Device').where({ Level: { gte: 5, lt: 10.5 } }, or({ Status: { ne: 'ON' } }, not({ Owner: null }))),
      `FROM Device WHERE Level >= 5 AND Level < 10.5 AND (Status != 'ON' OR NOT Owner = '')`,
    ],
    [
      query('Device').where(or(and({ A: 1, B: true }), { C: { in: [1n, 2n] } })),
      'FROM Device WHERE A = 1 AND B = TRUE OR C IN (1, 2)',
    ],
    [
      query('Device').where({
        Name: { startsWith: 'L', contains: "'" },
        'Owner->Site': { exists: true },
        X: { exists: false },
      }),
      `FROM Device WHERE Name STARTS WITH 'L' AND Name CONTAINS '''' AND EXISTS Owner->Site AND NOT EXISTS X`,
    ],
    [
      query('Device').where({
        At: { gt: new Date('2026-01-01T00:00:00.5Z') },
        Whose: { id: 'ada' },
        Late: { lte: { micros: 1n } },
      }),
      `FROM Device WHERE At > TIMESTAMP '2026-01-01T00:00:00.500000Z' AND Whose = 'ada' AND Late <= TIMESTAMP '1970-01-01T00:00:00.000001Z'`,
    ],
    [query('Device').where({ A: 1 }).where({ B: 2 }, { C: 3 }), 'FROM Device WHERE A = 1 AND B = 2 AND C = 3'],
    [query('Device').select('*').orderBy('A', 'desc').orderBy('B'), 'SELECT * FROM Device ORDER BY A DESC, B'],
  ])('%#: %s', (builder, text) => {
    expect(builder.build()).toEqual(parseQuery(text))
    expect(printQuery(builder.build())).toBe(text)
  })
})

test('a choice and a reference of a message are texts', () => {
  const message = messageFromQuery(parseQuery(`FROM D WHERE A = 'ON' AND B = 'x'`))
  const conditions = message.where?.kind.case === 'all' ? message.where.kind.value.conditions : []
  const [a, b] = conditions.map(({ kind }) => (kind.case === 'compare' ? kind.value.value : undefined))
  if (a === undefined || b === undefined) throw new Error('the conditions are comparisons')
  a.kind = { case: 'choice', value: 'ON' }
  b.kind = { case: 'entityReference', value: 'x' }
  expect(printQuery(queryFromMessage(message))).toBe(`FROM D WHERE A = 'ON' AND B = 'x'`)
})
