import { QError } from '@qcore/errors'
import { assertQuery } from '../tree/assert-query.ts'
import { joined, type Condition, type Order, type Query } from '../tree/query.ts'
import { queryLimits } from '../tree/query-limits.ts'
import { parseTest } from './parse-test.ts'
import { TokenReader } from './token-reader.ts'

/**
 * Reads a query from text; docs/query.md has the grammar.
 *
 * @throws QError `invalid_query` with `line`, `column` and `expected` as metadata; `invalid_path`, `value_out_of_range`
 */
export function parseQuery(text: string): Query {
  if (text.length > queryLimits.textLength) {
    throw new QError('invalid_query', `a query has at most ${queryLimits.textLength} characters`, { field: 'text' })
  }
  const reader = new TokenReader(text)
  const { select, count } = reader.takeWord('SELECT') ? parseSelection(reader) : { select: [], count: false }
  reader.expectWord('FROM')
  const type = reader.expectName('the name of a type')
  const where = reader.takeWord('WHERE') ? parseCondition(reader, 1) : undefined
  const order = parseOrder(reader)
  const limit = reader.takeWord('LIMIT') ? parseLimit(reader) : 0
  reader.expectEnd()
  const query = { type, select, where, order, limit, count }
  assertQuery(query)
  return query
}

/** Reads a condition alone: what follows WHERE. Throws as `parseQuery`. */
export function parseWhere(text: string): Condition {
  const reader = new TokenReader(text)
  const where = parseCondition(reader, 1)
  reader.expectEnd()
  assertQuery({ type: 'Any', select: [], where, order: [], limit: 0, count: false })
  return where
}

function parseSelection(reader: TokenReader): { select: string[]; count: boolean } {
  if (reader.takeSymbol('*')) return { select: ['*'], count: false }
  if (reader.takeWord('COUNT')) {
    reader.expectSymbol('(')
    reader.expectSymbol('*')
    reader.expectSymbol(')')
    return { select: [], count: true }
  }
  const select = [reader.expectPath()]
  while (reader.takeSymbol(',')) select.push(reader.expectPath())
  return { select, count: false }
}

function parseCondition(reader: TokenReader, depth: number): Condition {
  const conditions = [parseAll(reader, depth)]
  while (reader.takeWord('OR')) conditions.push(parseAll(reader, depth))
  return joined('any', conditions)
}

function parseAll(reader: TokenReader, depth: number): Condition {
  const conditions = [parseOne(reader, depth)]
  while (reader.takeWord('AND')) conditions.push(parseOne(reader, depth))
  return joined('all', conditions)
}

function parseOne(reader: TokenReader, depth: number): Condition {
  // Three levels a parenthesis at most: the rest is refused with the tree.
  if (depth > queryLimits.depth) throw reader.unexpected(`at most ${queryLimits.depth} conditions within each other`)
  if (reader.takeWord('NOT')) return { kind: 'not', condition: parseOne(reader, depth + 1) }
  if (reader.takeSymbol('(')) {
    const condition = parseCondition(reader, depth + 1)
    reader.expectSymbol(')')
    return condition
  }
  return parseTest(reader)
}

function parseOrder(reader: TokenReader): Order[] {
  if (!reader.takeWord('ORDER')) return []
  reader.expectWord('BY')
  const order: Order[] = []
  do {
    const path = reader.expectPath()
    const descending = reader.takeWord('DESC')
    if (!descending) reader.takeWord('ASC')
    order.push({ path, descending })
  } while (reader.takeSymbol(','))
  return order
}

function parseLimit(reader: TokenReader): number {
  const limit = Number(reader.take('int', 'a number of entities').text)
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new QError('invalid_query', 'a limit is a whole number from 1', { field: 'limit' })
  }
  return limit
}
