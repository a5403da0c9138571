import { sql, type SQL } from './sql.ts'
import { conditionSql } from './condition-sql.ts'
import { all, keyRows, kindOf, targetId, within } from './key-column.ts'
import { isBehind, orderBy, orderKey, type After } from './order-sql.ts'
import type { Condition, PlanOrder, QueryPlan } from './query-plan.ts'

/** Rows of entities, and what is not yet known of them. */
export interface BranchRows {
  readonly rows: SQL
  readonly entityId: SQL
  /** That the rows are wanted at all. */
  readonly gates: readonly SQL[]
  /** What has to be checked, besides the plan's checks. */
  readonly conditions: readonly Condition[]
}

/** The number of entities of a page and one more: there is a page behind it then. */
export function limitOf({ limit }: QueryPlan): SQL {
  return sql.raw(`limit ${limit + 1}`)
}

/** The columns of a page that keys are in. */
export function keyNames(order: readonly PlanOrder[], alias: string): SQL[] {
  return order.map((_each, index) => sql.raw(`${alias}.k${index}`))
}

/** Whether a condition is on what a plan is ordered by first. */
export function isOrder({ order }: QueryPlan, { target }: Condition): boolean {
  const first = order[0]?.by
  return first !== undefined && first.kind !== 'path' && targetId(first) === targetId(target)
}

/** That an entity meets conditions, and the plan's checks: each looks up one row by primary key. */
export function checksOf(plan: QueryPlan, conditions: readonly Condition[], entityId: SQL): SQL[] {
  const lookUps = conditions.map(({ target, intervals }) => {
    const { table, entityId: id, isOurs, key } = keyRows(target, 'r')
    return sql`(select ${within(key, intervals, kindOf(target))} from ${table} where ${id} = ${entityId} and ${isOurs})`
  })
  return [...lookUps, ...plan.checks.map((check) => conditionSql(check, entityId)), ...withoutTests(plan, entityId)]
}

function withoutTests({ without }: QueryPlan, entityId: SQL): SQL[] {
  if (without === undefined) return []
  const { ids, createdAfter } = without
  return [
    ...(ids.length === 0 ? [] : [sql`${entityId} not in (select id from left_out)`]),
    ...(createdAfter === undefined
      ? []
      : [sql`(select n.created_revision <= ${createdAfter}::int8 from entity n where n.id = ${entityId})`]),
  ]
}

/** The parts of a `with` that branches need. */
export function branchParts({ without }: QueryPlan): SQL[] {
  if (without === undefined || without.ids.length === 0) return []
  return [sql`left_out as materialized (select unnest(${[...without.ids]}::text[]) as id)`]
}

/** Takes all rows, checks and sorts them. */
export function sortedBranch(
  plan: QueryPlan,
  { rows, entityId, gates, conditions }: BranchRows,
  after: After | undefined,
): SQL {
  const { order } = plan
  const own = conditions.filter((condition) => isOrder(plan, condition))
  const others = conditions.filter((condition) => !isOrder(plan, condition))
  const keys = order.map((each, index) => sql`, ${orderKey(each, entityId)} as ${sql.raw(`k${index}`)}`)
  const checked = sql`select ${entityId} as entity_id${sql.join(keys)} from ${rows}
    where ${all([...gates, ...checksOf(plan, others, entityId)])} offset 0`
  const names = keyNames(order, 's')
  const id = sql.raw('s.entity_id')
  const [first] = names
  const ownTests = own.flatMap(({ target, intervals }) =>
    first === undefined ? [] : [within(first, intervals, kindOf(target))],
  )
  const tests = [...ownTests, ...(after === undefined ? [] : [isBehind(order, names, id, after)])]
  return sql`select ${sql.join([id, ...names], ', ')} from (${checked}) s where ${all(tests)}
    order by ${orderBy(order, names, id)} ${limitOf(plan)}`
}

/** The same entities, in no order, to be counted. */
export function countedBranch(plan: QueryPlan, { rows, entityId, gates, conditions }: BranchRows): SQL {
  return sql`select ${entityId} from ${rows} where ${all([...gates, ...checksOf(plan, conditions, entityId)])}`
}
