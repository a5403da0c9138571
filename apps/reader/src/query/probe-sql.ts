import { sql } from './sql.ts'
import type { CheckedCondition } from '@qcore/query'
import { onlyKey, pointKeys } from './interval.ts'
import { all, keyRows, within } from './key-column.ts'
import { pathProbe } from './path-probe.ts'
import type { Probe, ProbeContext } from './probe.ts'
import { directCondition, selectivity, type Condition } from './query-plan.ts'

/** A probe of keys of the entity itself; undefined if they let too much through. */
export function conditionProbe(
  condition: Condition,
  { name, limit }: Pick<ProbeContext, 'name' | 'limit'>,
): Probe | undefined {
  const { target, intervals } = condition
  const isPoints = pointKeys(intervals) !== undefined
  if (intervals.length > 1 && !isPoints) return undefined
  // There is an index of the children of an entity, not of entities ordered by their parents.
  if (target.kind === 'own' && target.name === 'Parent' && !isPoints) return undefined
  const { entityId, table, isOurs, key, kind } = keyRows(target, 'f')
  const order = onlyKey(intervals) === undefined ? sql`` : sql`order by ${key}, ${entityId}`
  const rows = sql`select ${entityId} as id from ${table} where ${all([isOurs, within(key, intervals, kind)])} ${order} ${limit}`
  return { rank: selectivity(condition), parts: [{ name, rows }] }
}

/** A probe of a condition; undefined if no index leads to it. */
export function probeOf(condition: CheckedCondition, context: ProbeContext): Probe | undefined {
  const direct = directCondition(condition, context.type)
  if (direct !== undefined) return conditionProbe(direct, context)
  switch (condition.kind) {
    case 'all':
      return condition.conditions
        .flatMap((part) => probeOf(part, context) ?? [])
        .toSorted((a, b) => a.rank - b.rank)
        .at(0)
    case 'any':
      return unionProbe(condition.conditions, context)
    case 'not':
      return undefined
    default:
      return pathProbe(condition, context)
  }
}

/** All that hold if one of some conditions does: each must have a probe. */
function unionProbe(conditions: readonly CheckedCondition[], context: ProbeContext): Probe | undefined {
  const probes: Probe[] = []
  for (const [index, condition] of conditions.entries()) {
    const probe = probeOf(condition, { ...context, name: `${context.name}_${index}` })
    if (probe === undefined) return undefined
    probes.push(probe)
  }
  const ids = probes.map((_probe, index) => sql.raw(`select id from ${context.name}_${index}`))
  const rows = sql`select id from (${sql.join(ids, ' union ')}) a ${context.limit}`
  const rank = Math.max(...probes.map((probe) => probe.rank)) + 0.25
  return { rank, parts: [...probes.flatMap(({ parts }) => parts), { name: context.name, rows }] }
}
