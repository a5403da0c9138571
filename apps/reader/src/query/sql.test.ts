import { expect, test } from 'vitest'
import { compileStatement, sql } from './sql.ts'

test('parts stand in each other, and all else is a parameter, in order', () => {
  const condition = sql`a = ${1n} and b = any(${['x', 'y']})`
  const order = sql.join([sql`a`, sql`${sql.raw('b')} desc`], ', ')
  const statement = sql`select ${'x'} where ${condition} and ${condition} order by ${order} limit ${null}`
  expect(compileStatement(statement)).toEqual({
    text: 'select $1 where a = $2 and b = any($3) and a = $4 and b = any($5) order by a, b desc limit $6',
    params: ['x', 1n, ['x', 'y'], 1n, ['x', 'y'], null],
  })
})

test('nothing joined is nothing', () => {
  expect(compileStatement(sql`a${sql.join([], ', ')}b`)).toEqual({ text: 'ab', params: [] })
})
