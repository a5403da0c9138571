import { sql, type SQL } from './sql.ts'
import type { CheckedPath, CheckedStep } from '@qcore/query'

/** The way along a path, from the id of an entity to the id of the one that has the field at the end. */
export interface PathSql {
  /** What to select from; one row if the way is there, else none. */
  readonly from: SQL
  readonly lastId: SQL
}

/** Follows the steps of a path. Every step reads one row by primary key. */
export function followPath(path: CheckedPath, entityId: SQL): PathSql {
  let lastId = entityId
  const from = [sql.raw('(select) one')]
  for (const [index, step] of path.steps.entries()) {
    const alias = `s${index}`
    from.push(sql`cross join lateral (${stepRows(step, path, lastId)}) ${sql.raw(alias)}`)
    lastId = sql.raw(`${alias}.id`)
  }
  return { from: sql.join(from, ' '), lastId }
}

function stepRows(step: CheckedStep, path: CheckedPath, entityId: SQL): SQL {
  const { name, references, lists, index, isParent } = step
  const rows: SQL[] = []
  if (references.length > 0) {
    // The bytes of a Value: tag, length, id.
    rows.push(sql`select convert_from(substring(value from 3), 'UTF8') as id from field
      where entity_id = ${entityId} and ${isOneOf('field_id', references)}`)
  }
  if (lists.length > 0) {
    rows.push(sql`select entity_list_at(value, ${sql.raw(`${index ?? 0}`)}) as id from field
      where entity_id = ${entityId} and ${isOneOf('field_id', lists)}`)
  }
  if (isParent) {
    rows.push(sql`select parent_id as id from entity where id = ${entityId} and ${isOwn(path, name, 'type')}`)
  }
  return sql.join(rows, ' union all ')
}

/** That an entity's own name, parent or children are meant: its type has no field of that name. */
export function isOwn({ typesWith }: CheckedPath, name: string, typeColumn: string): SQL {
  const types = typesWith.get(name) ?? []
  return types.length === 0 ? sql`true` : sql`${sql.raw(typeColumn)} <> all(${[...types]}::text[])`
}

/** Leaves out entities of some types. */
export function notOfTypes(hidden: readonly string[] | undefined, typeColumn = 'type'): SQL {
  if (hidden === undefined || hidden.length === 0) return sql``
  return sql`and ${sql.raw(typeColumn)} <> all(${[...hidden]}::text[])`
}

/** That a column has one of some ids of fields. */
export function isOneOf(column: string, ids: readonly number[]): SQL {
  return sql.raw(ids.length === 1 ? `${column} = ${ids[0]}` : `${column} in (${ids.join(', ')})`)
}
