import { sql, type SQL } from 'drizzle-orm/sql/sql'
import { indexKind, type FieldModel } from '@qcore/model'
import { bySelectivity, type Condition, type FindPlan } from './find-plan.ts'
import { everything, intersect, onlyKey, type Bound, type Interval, type Key } from './interval.ts'

/** The entity that the page before ended with; its key is undefined where the order is by id. */
export interface After {
  readonly key: Key | undefined
  readonly id: string
}

/**
 * A condition that lets at most so many entities through is driven by: they are all taken, checked and sorted. About
 * where that costs as much as to follow the order and check what comes until a page is full.
 */
const mostDriving = 2_500
/** Conditions that are tried for that; the others are checked only. */
const mostProbes = 2

/**
 * The ids and keys of a page, one more than its limit, in its order. Every part of it reads an index in that index's
 * order, or single rows by primary key, whatever PostgreSQL knows of the data.
 */
export function pageStatement(plan: FindPlan, after: After | undefined): SQL {
  const { driver, others } = driverOf(plan)
  const probes = bySelectivity(others)
    .filter(({ intervals }) => intervals.length === 1)
    .slice(0, mostProbes)
  const isMany = probes.map((_probe, index) => sql.raw(`(select n from many_${index})`))
  const branches = [
    ...probes.map((probe, index) => {
      const rest = plan.conditions.filter((condition) => condition !== probe && !isOrder(plan, condition))
      const gates = [sql`not ${isMany[index]}`, ...isMany.slice(0, index)]
      return sortedBranch({ plan, after, rest, gates }, index)
    }),
    ...driver({ plan, after, rest: others, gates: isMany }),
  ]
  const ctes = probes.map((probe, index) => {
    const name = sql.raw(`probe_${index}`)
    return sql`${name} as materialized (${probeStatement(probe)}), ${sql.raw(`many_${index}`)} as materialized (
      select count(*) > ${sql.raw(`${mostDriving}`)} as n from ${name})`
  })
  const union = sql.join(
    branches.map((branch) => sql`(${branch})`),
    sql` union all `,
  )
  const page = sql`page as materialized (
    select entity_id, key from (${union}) branch order by key ${direction(plan)}, entity_id ${limitOf(plan)})`
  return sql`with ${sql.join([...ctes, page], sql`, `)}`
}

interface BranchParts {
  readonly plan: FindPlan
  readonly after: After | undefined
  /** Conditions to check for every entity. */
  readonly rest: readonly Condition[]
  /** When the branch is taken. */
  readonly gates: readonly SQL[]
}

/** How to find the page if no condition leaves few entities, and the conditions that it does not ensure by itself. */
function driverOf(plan: FindPlan): { driver: (parts: BranchParts) => SQL[]; others: readonly Condition[] } {
  if (plan.orderField !== undefined) {
    const field = plan.orderField
    const own = plan.conditions.find((condition) => isOrder(plan, condition))
    const intervals = own?.intervals ?? everything
    return {
      driver: (parts) => segmentsOf(plan, intervals, parts.after).map((segment) => orderScan(parts, field, segment)),
      others: plan.conditions.filter((condition) => condition !== own),
    }
  }
  // The entries of one key are ordered by id already.
  const equal = bySelectivity(plan.conditions).find(({ intervals }) => onlyKey(intervals) !== undefined)
  if (equal === undefined) return { driver: (parts) => [typeScan(parts)], others: plan.conditions }
  return {
    driver: (parts) => [equalScan(parts, equal)],
    others: plan.conditions.filter((condition) => condition !== equal),
  }
}

function isOrder({ orderField }: FindPlan, { field }: Condition): boolean {
  return field.id === orderField?.id
}

/** A part of the order's index; `tie`: of the entities with just the last key, those behind the last id. */
interface Segment {
  readonly interval: Interval
  readonly behind: 'none' | 'pair' | 'tie'
}

function segmentsOf({ isDescending }: FindPlan, intervals: readonly Interval[], after: After | undefined): Segment[] {
  if (after?.key === undefined) return intervals.map((interval) => ({ interval, behind: 'none' }))
  const bound: Bound = { key: after.key, isInclusive: true }
  if (!isDescending) {
    return intersect(intervals, [{ low: bound }]).map((interval) => ({ interval, behind: 'pair' }))
  }
  const ties = intersect(intervals, [{ low: bound, high: bound }])
  const rest = intersect(intervals, [{ high: { key: after.key, isInclusive: false } }])
  return [
    ...ties.map((interval): Segment => ({ interval, behind: 'tie' })),
    ...rest.map((interval): Segment => ({ interval, behind: 'none' })),
  ]
}

function orderScan({ plan, after, rest, gates }: BranchParts, field: FieldModel, segment: Segment): SQL {
  const column = columnOf(field, 'f')
  const conditions = [sql`f.field_id = ${fieldId(field)}`, within(column, [segment.interval], field)]
  if (after !== undefined && segment.behind === 'pair') {
    conditions.push(sql`(${column}, f.entity_id) > (${keyParameter(after.key, field)}, ${after.id}::text)`)
  }
  if (after !== undefined && segment.behind === 'tie') conditions.push(sql`f.entity_id > ${after.id}::text`)
  return sql`select f.entity_id, ${column} as key from field f
    where ${all([...gates, ...conditions, ...checks(rest, sql`f.entity_id`)])}
    order by ${column} ${direction(plan)}, f.entity_id ${limitOf(plan)}`
}

function equalScan({ plan, after, rest, gates }: BranchParts, { field, intervals }: Condition): SQL {
  const conditions = [
    sql`f.field_id = ${fieldId(field)}`,
    sql`${columnOf(field, 'f')} = ${keyParameter(onlyKey(intervals), field)}`,
    ...(after === undefined ? [] : [sql`f.entity_id > ${after.id}::text`]),
  ]
  return sql`select f.entity_id, null::text as key from field f
    where ${all([...gates, ...conditions, ...checks(rest, sql`f.entity_id`)])}
    order by f.entity_id ${limitOf(plan)}`
}

function typeScan({ plan, after, rest, gates }: BranchParts): SQL {
  const conditions = [
    sql`e.type = ${plan.type.name}::text`,
    ...(after === undefined ? [] : [sql`e.id > ${after.id}::text`]),
  ]
  return sql`select e.id as entity_id, null::text as key from entity e
    where ${all([...gates, ...conditions, ...checks(rest, sql`e.id`)])}
    order by e.id ${limitOf(plan)}`
}

/** The few entities that a condition lets through. */
function probeStatement({ field, intervals }: Condition): SQL {
  const column = columnOf(field, 'f')
  return sql`select f.entity_id from field f
    where f.field_id = ${fieldId(field)} and ${within(column, intervals, field)}
    order by ${column}, f.entity_id limit ${sql.raw(`${mostDriving + 1}`)}`
}

function sortedBranch({ plan, after, rest, gates }: BranchParts, probe: number): SQL {
  const field = plan.orderField
  const key = field === undefined ? sql`null::text` : keyOfEntity(field)
  const checked = sql`select p.entity_id, ${key} as key from ${sql.raw(`probe_${probe}`)} p
    where ${all([...gates, ...checks(rest, sql`p.entity_id`)])} offset 0`
  const own = plan.conditions.find((condition) => isOrder(plan, condition))
  const conditions = own === undefined ? [] : [within(sql`s.key`, own.intervals, own.field)]
  if (after !== undefined) conditions.push(behind(plan, after))
  return sql`select s.entity_id, s.key from (${checked}) s where ${all([sql`true`, ...conditions])}
    order by s.key ${direction(plan)}, s.entity_id ${limitOf(plan)}`
}

function keyOfEntity(field: FieldModel): SQL {
  return sql`(select ${columnOf(field, 'o')} from field o
    where o.entity_id = p.entity_id and o.field_id = ${fieldId(field)})`
}

function behind({ orderField, isDescending }: FindPlan, { key, id }: After): SQL {
  if (orderField === undefined) return sql`s.entity_id > ${id}::text`
  const parameter = keyParameter(key, orderField)
  return sql`(s.key ${sql.raw(isDescending ? '<' : '>')} ${parameter} or (s.key = ${parameter} and s.entity_id > ${id}::text))`
}

/** That an entity meets conditions: each looks up one row by primary key. */
function checks(conditions: readonly Condition[], entityId: SQL): SQL[] {
  return conditions.map(
    ({ field, intervals }) => sql`(select ${within(columnOf(field, 'r'), intervals, field)} from field r
      where r.entity_id = ${entityId} and r.field_id = ${fieldId(field)})`,
  )
}

function within(column: SQL, intervals: readonly Interval[], field: FieldModel): SQL {
  const parts = intervals.map(({ low, high }) => {
    const bounds = [
      ...(low === undefined
        ? []
        : [sql`${column} ${sql.raw(low.isInclusive ? '>=' : '>')} ${keyParameter(low.key, field)}`]),
      ...(high === undefined
        ? []
        : [sql`${column} ${sql.raw(high.isInclusive ? '<=' : '<')} ${keyParameter(high.key, field)}`]),
    ]
    // Says that the partial index has the row.
    return bounds.length === 0 ? sql`${column} is not null` : all(bounds)
  })
  return sql`(${sql.join(parts, sql` or `)})`
}

function all(conditions: readonly SQL[]): SQL {
  return sql.join([...conditions], sql` and `)
}

const columns = { int: 'int_key', float: 'float_key', text: 'text_key' } as const
const columnTypes = { int: 'int8', float: 'float8', text: 'bytea' } as const

function columnOf(field: FieldModel, alias: string): SQL {
  return sql.raw(`${alias}.${columns[kindOf(field)]}`)
}

function keyParameter(key: Key | undefined, field: FieldModel): SQL {
  return sql`${key}::${sql.raw(columnTypes[kindOf(field)])}`
}

function kindOf(field: FieldModel): keyof typeof columns {
  const kind = indexKind(field.valueType)
  if (kind === undefined) throw new Error(`field ${field.name} has no index`)
  return kind
}

/** Written out, so that PostgreSQL plans for the field and the limit at hand. */
function fieldId({ id }: FieldModel): SQL {
  return sql.raw(`${id}`)
}

function limitOf({ limit }: FindPlan): SQL {
  return sql.raw(`limit ${limit + 1}`)
}

function direction({ isDescending }: FindPlan): SQL {
  return sql.raw(isDescending ? 'desc' : 'asc')
}
