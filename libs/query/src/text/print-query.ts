import { textFromInstant } from '../tree/instant-text.ts'
import type { Condition, Literal, Query } from '../tree/query.ts'
import { words } from './words.ts'

/** The text of a query: what `parseQuery` makes the same query of. */
export function printQuery({ type, select, where, order, limit, count }: Query): string {
  const paths = select.map((path) => (path === '*' ? path : printPath(path))).join(', ')
  const parts = [
    count ? 'SELECT COUNT(*)' : paths === '' ? '' : `SELECT ${paths}`,
    `FROM ${printName(type)}`,
    where === undefined ? '' : `WHERE ${printWhere(where)}`,
    order.length === 0
      ? ''
      : `ORDER BY ${order.map(({ path, descending }) => `${printPath(path)}${descending ? ' DESC' : ''}`).join(', ')}`,
    limit === 0 ? '' : `LIMIT ${limit}`,
  ]
  return parts.filter((part) => part !== '').join(' ')
}

/** The text of a condition: what follows WHERE. */
export function printWhere(condition: Condition): string {
  switch (condition.kind) {
    case 'any':
      return condition.conditions.map((part) => within(part, part.kind === 'any')).join(' OR ')
    case 'all':
      return condition.conditions.map((part) => within(part, isJoined(part))).join(' AND ')
    case 'not':
      return `NOT ${within(condition.condition, isJoined(condition.condition))}`
    case 'compare':
      return `${printPath(condition.path)} ${condition.sign} ${printLiteral(condition.value)}`
    case 'in':
      return `${printPath(condition.path)} IN (${condition.values.map(printLiteral).join(', ')})`
    case 'contains':
      return `${printPath(condition.path)} CONTAINS ${printLiteral(condition.text)}`
    case 'starts_with':
      return `${printPath(condition.path)} STARTS WITH ${printLiteral(condition.text)}`
    case 'exists':
      return `EXISTS ${printPath(condition.path)}`
  }
}

function isJoined({ kind }: Condition): boolean {
  return kind === 'any' || kind === 'all'
}

function within(condition: Condition, isInParentheses: boolean): string {
  const text = printWhere(condition)
  return isInParentheses ? `(${text})` : text
}

function printPath(path: string): string {
  return path.split('->').map(printName).join('->')
}

function printName(name: string): string {
  return words.has(name.toUpperCase()) ? `"${name}"` : name
}

function printLiteral(value: Literal): string {
  switch (typeof value) {
    case 'string':
      return `'${value.replaceAll("'", "''")}'`
    case 'bigint':
      return value.toString()
    case 'boolean':
      return value ? 'TRUE' : 'FALSE'
    case 'number':
      return printFloat(value)
    default:
      return `TIMESTAMP '${textFromInstant(value.micros)}'`
  }
}

function printFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}
