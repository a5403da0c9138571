import { sql, type SQL } from './sql.ts'
import { checksOf, isOrder, limitOf, sortedBranch, type BranchRows } from './branch-sql.ts'
import { everything, intersect, onlyKey, pointKeys, type Bound, type Interval } from './interval.ts'
import { all, keyParameter, keyRows, kindOf, within, type Target } from './key-column.ts'
import { isBehind, orderBy, orderKey, type After } from './order-sql.ts'
import { bySelectivity, type Condition, type QueryPlan } from './query-plan.ts'

/** Keys of the order beyond so many intervals are checked one by one, not looked for. */
const mostSegments = 8

/** How to find a page if no condition leaves few entities. */
export interface Driver {
  /** The condition that it ensures by itself. */
  readonly ensures: Condition | undefined
  branches(gates: readonly SQL[]): SQL[]
}

/** Follows the index of the order, if there is one; else takes all entities that the best index leaves. */
export function driverOf(plan: QueryPlan, after: After | undefined): Driver {
  const [first] = plan.order
  if (first === undefined) return driverById(plan, after)
  const { by: target } = first
  if (target.kind !== 'path' && isIndexedOrder(target)) {
    const own = plan.conditions.find((condition) => isOrder(plan, condition))
    const ensures = own !== undefined && own.intervals.length <= mostSegments ? own : undefined
    const parts = { plan, target, after, rest: without(plan, ensures) }
    const segments = segmentsOf(plan, ensures?.intervals ?? everything, after)
    return { ensures, branches: (gates) => segments.map((segment) => orderScan({ ...parts, gates }, segment)) }
  }
  return {
    ensures: undefined,
    branches: (gates) => [sortedBranch(plan, allRows(plan, gates), after)],
  }
}

/** All entities that the best index leaves. */
export function allRows(plan: QueryPlan, gates: readonly SQL[]): BranchRows {
  const best = bySelectivity(plan.conditions).find(isScannable)
  if (best === undefined) {
    const isOurs = sql`e.type = ${plan.type.name}::text`
    return {
      rows: sql.raw('entity e'),
      entityId: sql.raw('e.id'),
      gates: [...gates, isOurs],
      conditions: plan.conditions,
    }
  }
  const { table, entityId, isOurs, key, kind } = keyRows(best.target, 'f')
  const conditions = [...gates, isOurs, within(key, best.intervals, kind)]
  return { rows: table, entityId, gates: conditions, conditions: without(plan, best) }
}

/** Entities of a type are not indexed by their parents. */
function isIndexedOrder(target: Target): boolean {
  return target.kind === 'field' || target.name === 'Name'
}

function isScannable({ target, intervals }: Condition): boolean {
  return isIndexedOrder(target) || pointKeys(intervals) !== undefined
}

function without(plan: QueryPlan, condition: Condition | undefined): readonly Condition[] {
  return plan.conditions.filter((each) => each !== condition)
}

function driverById(plan: QueryPlan, after: After | undefined): Driver {
  // The entries of one key are ordered by id already.
  const equal = bySelectivity(plan.conditions).find(
    ({ target, intervals }) => isIndexedOrder(target) && onlyKey(intervals) !== undefined,
  )
  const behind = (id: SQL): SQL[] => (after === undefined ? [] : [sql`${id} > ${after.id}::text`])
  const rest = without(plan, equal)
  if (equal === undefined) {
    const id = sql.raw('e.id')
    return {
      ensures: undefined,
      branches: (gates) => [
        sql`select e.id as entity_id from entity e
          where ${all([...gates, sql`e.type = ${plan.type.name}::text`, ...behind(id), ...checksOf(plan, rest, id)])}
          order by e.id ${limitOf(plan)}`,
      ],
    }
  }
  const { table, entityId, isOurs, key, kind } = keyRows(equal.target, 'f')
  const found = [isOurs, within(key, equal.intervals, kind), ...behind(entityId)]
  return {
    ensures: equal,
    branches: (gates) => [
      sql`select ${entityId} as entity_id from ${table} where ${all([...gates, ...found, ...checksOf(plan, rest, entityId)])}
        order by ${entityId} ${limitOf(plan)}`,
    ],
  }
}

/** A part of the order's index; `tie`: of the entities with just the last key, those behind the last id. */
interface Segment {
  readonly interval: Interval
  readonly behind: 'none' | 'pair' | 'tie' | 'keys'
}

function segmentsOf({ order }: QueryPlan, intervals: readonly Interval[], after: After | undefined): Segment[] {
  const [first] = order
  const key = after?.keys[0] ?? undefined
  if (key === undefined) return intervals.map((interval) => ({ interval, behind: 'none' }))
  const bound: Bound = { key, isInclusive: true }
  const from: Interval = first?.descending === true ? { high: bound } : { low: bound }
  if (order.length > 1) return intersect(intervals, [from]).map((interval) => ({ interval, behind: 'keys' }))
  if (first?.descending !== true) return intersect(intervals, [from]).map((interval) => ({ interval, behind: 'pair' }))
  const ties = intersect(intervals, [{ low: bound, high: bound }])
  const rest = intersect(intervals, [{ high: { key, isInclusive: false } }])
  return [
    ...ties.map((interval): Segment => ({ interval, behind: 'tie' })),
    ...rest.map((interval): Segment => ({ interval, behind: 'none' })),
  ]
}

interface OrderScan {
  readonly plan: QueryPlan
  readonly target: Target
  readonly after: After | undefined
  readonly rest: readonly Condition[]
  readonly gates: readonly SQL[]
}

function orderScan({ plan, target, after, rest, gates }: OrderScan, { interval, behind }: Segment): SQL {
  const { table, entityId, isOurs, key, kind } = keyRows(target, 'f')
  const others = plan.order.slice(1).map((each) => orderKey(each, entityId))
  const keys = [key, ...others]
  const conditions = [isOurs, within(key, [interval], kind)]
  if (after !== undefined) conditions.push(...behindTests({ plan, keys, entityId, after }, behind, kindOf(target)))
  const columns = keys.map((each, index) => sql`${each} as ${sql.raw(`k${index}`)}`)
  const names = keys.map((each, index) => (index === 0 ? each : sql.raw(`k${index}`)))
  return sql`select ${sql.join([sql`${entityId} as entity_id`, ...columns], ', ')} from ${table}
    where ${all([...gates, ...conditions, ...checksOf(plan, rest, entityId)])}
    order by ${orderBy(plan.order, names, entityId)} ${limitOf(plan)}`
}

interface BehindParts {
  readonly plan: QueryPlan
  readonly keys: readonly SQL[]
  readonly entityId: SQL
  readonly after: After
}

function behindTests(
  { plan, keys, entityId, after }: BehindParts,
  behind: Segment['behind'],
  kind: ReturnType<typeof kindOf>,
): SQL[] {
  const [key] = keys
  const last = after.keys[0]
  switch (behind) {
    case 'pair':
      return last === null || last === undefined
        ? []
        : [sql`(${key}, ${entityId}) > (${keyParameter(last, kind)}, ${after.id}::text)`]
    case 'tie':
      return [sql`${entityId} > ${after.id}::text`]
    case 'keys':
      return [isBehind(plan.order, keys, entityId, after)]
    case 'none':
      return []
  }
}
