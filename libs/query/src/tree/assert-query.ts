import { QError } from '@qcore/errors'
import { limits } from '@qcore/model'
import type { Condition, Literal, Query } from './query.ts'
import { isInstant } from './query.ts'
import { queryLimits } from './query-limits.ts'
import { isName, parseQueryPath } from './query-path.ts'

const smallestInt = -(2n ** 63n)
const greatestInt = 2n ** 63n - 1n

/**
 * Checks what holds of every query, whatever the schemas: its size, its paths, that text is Unicode.
 *
 * @throws QError `invalid_query`, `invalid_path`, `value_out_of_range`; they name the part
 */
export function assertQuery(query: Query): void {
  const { type, select, where, order, limit, count } = query
  if (!isName(type)) throw invalid(`${JSON.stringify(type)} is not the name of a type`, 'type')
  if (select.length > queryLimits.select) throw invalid(`at most ${queryLimits.select} paths are selected`, 'select')
  if (select.includes('*') && select.length > 1) throw invalid('* stands alone: it selects all fields', 'select')
  for (const [index, path] of select.entries()) if (path !== '*') parseQueryPath(path, `select[${index}]`)
  if (order.length > queryLimits.order) throw invalid(`at most ${queryLimits.order} paths order a query`, 'order')
  for (const [index, { path }] of order.entries()) parseQueryPath(path, `order[${index}].path`)
  if (!Number.isSafeInteger(limit) || limit < 0) throw invalid('a limit is a whole number', 'limit')
  if (count && (select.length > 0 || order.length > 0 || limit > 0)) {
    throw invalid('a query that counts has no selection, no order and no limit', 'count')
  }
  if (where !== undefined) assertCondition(where, { path: 'where', depth: 1, seen: { count: 0 } })
}

interface Place {
  readonly path: string
  readonly depth: number
  readonly seen: { count: number }
}

function assertCondition(condition: Condition, place: Place): void {
  const { path, depth, seen } = place
  if (++seen.count > queryLimits.conditions)
    throw invalid(`a query has at most ${queryLimits.conditions} conditions`, 'where')
  if (depth > queryLimits.depth) throw invalid(`conditions are nested at most ${queryLimits.depth} deep`, path)
  switch (condition.kind) {
    case 'all':
    case 'any':
      if (condition.conditions.length === 0) throw invalid(`no condition is given`, `${path}.${condition.kind}`)
      for (const [index, part] of condition.conditions.entries()) {
        assertCondition(part, { path: `${path}.${condition.kind}[${index}]`, depth: depth + 1, seen })
      }
      return
    case 'not':
      return assertCondition(condition.condition, { path: `${path}.not`, depth: depth + 1, seen })
    case 'compare':
      parseQueryPath(condition.path, `${path}.compare.path`)
      return assertLiteral(condition.value, `${path}.compare.value`)
    case 'in':
      parseQueryPath(condition.path, `${path}.in.path`)
      if (condition.values.length === 0) throw invalid('no value is given', `${path}.in.values`)
      if (condition.values.length > queryLimits.values) {
        throw invalid(`at most ${queryLimits.values} values are given`, `${path}.in.values`)
      }
      for (const [index, value] of condition.values.entries()) assertLiteral(value, `${path}.in.values[${index}]`)
      return
    case 'contains':
    case 'starts_with':
      parseQueryPath(condition.path, `${path}.${condition.kind}.path`)
      return assertLiteral(condition.text, `${path}.${condition.kind}.text`)
    case 'exists':
      parseQueryPath(condition.path, `${path}.exists`)
  }
}

/** An instant from the year 1 to the year 9999, in microseconds. */
const earliestMicros = -62_135_596_800_000_000n
const latestMicros = 253_402_300_799_999_999n

function assertLiteral(value: Literal, path: string): void {
  if (typeof value === 'bigint' && (value < smallestInt || value > greatestInt)) {
    throw new QError('value_out_of_range', 'an Int has 64 bits', { field: path })
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new QError('value_out_of_range', 'the text is not Unicode', { field: path })
    if (new TextEncoder().encode(value).length >= limits.indexedTextBytes) {
      const most = limits.indexedTextBytes - 1
      throw new QError('value_out_of_range', `a text to compare with has at most ${most} bytes of UTF-8`, {
        field: path,
      })
    }
  }
  if (typeof value === 'object' && isInstant(value) && (value.micros < earliestMicros || value.micros > latestMicros)) {
    throw new QError('value_out_of_range', 'a timestamp lies in the years 0001 to 9999', { field: path })
  }
}

function invalid(message: string, field: string): QError {
  return new QError('invalid_query', message, { field })
}
