import { sql, type SQL } from './sql.ts'
import { keySql } from './condition-sql.ts'
import type { Key } from './interval.ts'
import { fieldKind, keyParameter, keyRows, kindOf, type KeyKind } from './key-column.ts'
import type { PlanOrder } from './query-plan.ts'

/** The entity that the page before ended with. */
export interface After {
  /** One an order; null where the path led nowhere. */
  readonly keys: readonly (Key | null)[]
  readonly id: string
}

/** The key of an entity. */
export function orderKey({ by }: PlanOrder, entityId: SQL): SQL {
  if (by.kind === 'path') return keySql(by.path, entityId)
  const { table, entityId: id, isOurs, key } = keyRows(by, 'o')
  return sql`(select ${key} from ${table} where ${id} = ${entityId} and ${isOurs})`
}

/** Of which kind the keys of an order are. */
export function orderKind({ by }: PlanOrder): KeyKind {
  if (by.kind !== 'path') return kindOf(by)
  const [end] = by.path.ends
  if (end === undefined) throw new Error(`${by.path.text} has no end`)
  return fieldKind(end.valueType)
}

/** What follows `order by`: by keys, then by id. */
export function orderBy(order: readonly PlanOrder[], keys: readonly SQL[], entityId: SQL): SQL {
  const parts = order.map((each, index) => sql`${keys[index]} ${directionOf(each)}`)
  return sql.join([...parts, entityId], ', ')
}

/** Every entity has a key where no path has steps: an index tells the same order with nulls in either place. */
function directionOf({ by, descending }: PlanOrder): SQL {
  return sql.raw(descending ? (by.kind === 'path' ? 'desc nulls last' : 'desc') : 'asc')
}

/** That an entity comes after the one that a page ended with. */
export function isBehind(order: readonly PlanOrder[], keys: readonly SQL[], entityId: SQL, after: After): SQL {
  let behind = sql`${entityId} > ${after.id}::text`
  for (let index = order.length - 1; index >= 0; index--) {
    const each = order[index]
    const key = keys[index]
    if (each === undefined || key === undefined) continue
    behind = isBehindKey(each, key, after.keys[index] ?? null, behind)
  }
  return behind
}

function isBehindKey(order: PlanOrder, key: SQL, last: Key | null, rest: SQL): SQL {
  if (last === null) return sql`(${key} is null and ${rest})`
  const parameter = keyParameter(last, orderKind(order))
  const isNull = order.by.kind === 'path' ? sql` or ${key} is null` : sql``
  return sql`(${key} ${sql.raw(order.descending ? '<' : '>')} ${parameter}${isNull} or (${key} = ${parameter} and ${rest}))`
}
