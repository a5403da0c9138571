import { sql, type SQL } from './sql.ts'
import { indexKind, type FieldModel } from '@qcore/model'
import type { CheckedPath } from '@qcore/query'
import type { ValueType } from '@qcore/contracts'
import { onlyKey, pointKeys, type Interval, type Key } from './interval.ts'

/** Where keys are: in a column of `field`, or the name or parent of an `entity`. */
export type KeyKind = 'int' | 'float' | 'text' | 'own'

/** What a path without steps leads to: a field of the entity, or its own name or parent. */
export type Target =
  | { readonly kind: 'field'; readonly field: FieldModel }
  | { readonly kind: 'own'; readonly name: 'Name' | 'Parent'; readonly type: string }

/** The target of a path; undefined: it has steps, or leads to a list. */
export function targetOf({ steps, ends }: CheckedPath, type: string): Target | undefined {
  const [end] = ends
  if (steps.length > 0 || end === undefined) return undefined
  const [field] = end.fields
  if (field !== undefined) return indexKind(field.valueType) === undefined ? undefined : { kind: 'field', field }
  return end.own === undefined || end.own === 'Children' ? undefined : { kind: 'own', name: end.own, type }
}

export function kindOf(target: Target): KeyKind {
  return target.kind === 'own' ? 'own' : fieldKind(target.field.valueType)
}

/** Of a type whose values have keys. */
export function fieldKind(valueType: ValueType): 'int' | 'float' | 'text' {
  const kind = indexKind(valueType)
  if (kind === undefined) throw new Error(`values of type ${valueType} have no key`)
  return kind
}

/** Tells targets apart. */
export function targetId(target: Target): string {
  return target.kind === 'own' ? target.name : `${target.field.id}`
}

/** Rows with the keys of a target. */
export interface KeyRows {
  readonly table: SQL
  readonly entityId: SQL
  readonly key: SQL
  /** That a row is one of the target's. */
  readonly isOurs: SQL
  readonly kind: KeyKind
}

const columns = { int: 'int_key', float: 'float_key', text: 'text_key' } as const

export function keyRows(target: Target, alias: string): KeyRows {
  if (target.kind === 'own') {
    const column = target.name === 'Name' ? 'name' : 'parent_id'
    return {
      table: sql.raw(`entity ${alias}`),
      entityId: sql.raw(`${alias}.id`),
      key: sql.raw(`${alias}.${column}`),
      isOurs: sql`${sql.raw(`${alias}.type`)} = ${target.type}::text`,
      kind: 'own',
    }
  }
  const kind = fieldKind(target.field.valueType)
  return {
    table: sql.raw(`field ${alias}`),
    entityId: sql.raw(`${alias}.entity_id`),
    key: sql.raw(`${alias}.${columns[kind]}`),
    // Written out, so that PostgreSQL plans for the field at hand.
    isOurs: sql.raw(`${alias}.field_id = ${target.field.id}`),
    kind,
  }
}

/** The column of `field` that has keys of a kind. */
export function keyColumn(kind: 'int' | 'float' | 'text', alias: string): SQL {
  return sql.raw(`${alias}.${columns[kind]}`)
}

const keyTypes = { int: 'int8', float: 'float8', text: 'bytea', own: 'text' } as const

export function keyParameter(key: Key, kind: KeyKind): SQL {
  return sql`${parameterOf(key, kind)}::${sql.raw(keyTypes[kind])}`
}

/** Several keys as an array. */
export function keysParameter(keys: readonly Key[], kind: KeyKind): SQL {
  return sql`${keys.map((key) => parameterOf(key, kind))}::${sql.raw(keyTypes[kind])}[]`
}

function parameterOf(key: Key, kind: KeyKind): bigint | number | string | Buffer {
  if (typeof key !== 'object') return key
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  return kind === 'own' ? bytes.toString() : bytes
}

/** That a key is in one of some intervals. */
export function within(column: SQL, intervals: readonly Interval[], kind: KeyKind): SQL {
  const points = intervals.length > 1 ? pointKeys(intervals) : undefined
  if (points !== undefined) return sql`${column} = any(${keysParameter(points, kind)})`
  const parts = intervals.map((interval) => {
    const only = onlyKey([interval])
    // Told as an equality, the index is known to have the rest of its columns in order.
    if (only !== undefined) return sql`${column} = ${keyParameter(only, kind)}`
    const { low, high } = interval
    const bounds = [
      ...(low === undefined
        ? []
        : [sql`${column} ${sql.raw(low.isInclusive ? '>=' : '>')} ${keyParameter(low.key, kind)}`]),
      ...(high === undefined
        ? []
        : [sql`${column} ${sql.raw(high.isInclusive ? '<=' : '<')} ${keyParameter(high.key, kind)}`]),
    ]
    // Says that the partial index has the row.
    return bounds.length === 0 ? sql`${column} is not null` : all(bounds)
  })
  return parts.length === 0 ? sql`false` : sql`(${sql.join(parts, ' or ')})`
}

export function all(conditions: readonly SQL[]): SQL {
  return conditions.length === 0 ? sql`true` : sql.join([...conditions], ' and ')
}

export function any(conditions: readonly SQL[]): SQL {
  return conditions.length === 0 ? sql`false` : sql`(${sql.join([...conditions], ' or ')})`
}
