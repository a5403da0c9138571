import { sql, type SQL } from './sql.ts'
import type { CheckedCondition, CheckedPath, CheckedQuery } from '@qcore/query'
import { mostChanged } from './changes-since.ts'
import { stepBack } from './path-probe.ts'

/**
 * The entities of a query's type from which a path leads to, or over, one of some entities, as one statement: a column
 * `id`, at most one row more than `mostChanged`. Undefined: the query follows no path.
 */
export function affectedStatement(query: CheckedQuery, ids: readonly string[]): SQL | undefined {
  const paths = pathsOf(query)
  if (paths.length === 0) return undefined
  const limit = sql.raw(`limit ${mostChanged + 1}`)
  const parts: SQL[] = [sql`changed as materialized (select unnest(${[...ids]}::text[]) as id)`]
  const ends: string[] = []
  for (const [number, path] of paths.entries()) {
    // Any of the entities on the way may be one of them.
    for (let length = 1; length <= path.steps.length; length++) {
      let after = 'changed'
      for (let position = length - 1; position >= 0; position--) {
        const name = `back_${number}_${length}_${position}`
        const rows = stepBack(path, position, { after, type: query.type.name })
        parts.push(sql`${sql.raw(name)} as materialized (select distinct id from (${rows}) a ${limit})`)
        after = name
      }
      ends.push(after)
    }
  }
  const union = sql.raw(ends.map((name) => `select id from ${name}`).join(' union '))
  return sql`with ${sql.join(parts, ', ')} select id from (${union}) a ${limit}`
}

/** The paths with steps that a query's condition and order follow. */
function pathsOf({ where, order }: CheckedQuery): CheckedPath[] {
  const paths = new Map<string, CheckedPath>()
  const add = (path: CheckedPath): void => {
    if (path.steps.length > 0) paths.set(path.text, path)
  }
  const visit = (condition: CheckedCondition): void => {
    switch (condition.kind) {
      case 'all':
      case 'any':
        return condition.conditions.forEach(visit)
      case 'not':
        return visit(condition.condition)
      default:
        return add(condition.path)
    }
  }
  if (where !== undefined) visit(where)
  for (const { path } of order) add(path)
  return [...paths.values()]
}
