import { sql, type SQL } from './sql.ts'
import type { TypeSource } from '@qcore/query'
import { branchParts, countedBranch, keyNames, limitOf, sortedBranch, type BranchRows } from './branch-sql.ts'
import { allRows, driverOf } from './driver-sql.ts'
import { orderBy, type After } from './order-sql.ts'
import type { Probe, ProbeContext } from './probe.ts'
import { conditionProbe, probeOf } from './probe-sql.ts'
import type { Condition, QueryPlan } from './query-plan.ts'

/** Probes that are tried for leaving few entities; the other conditions are checked only. */
const mostProbes = 2

/**
 * The ids and keys of a page, one more than its limit, in its order: the `with` of a statement, with a part `page`. Every
 * part of it reads an index in that index's order, or single rows by primary key, whatever PostgreSQL knows of the data.
 */
export function pageStatement(plan: QueryPlan, types: TypeSource, after: After | undefined): SQL {
  const { order } = plan
  const driver = driverOf(plan, after)
  const probes = probesOf(plan, types, driver.ensures)
  const few = fewOf(plan, probes).map((rows) => sortedBranch(plan, rows, after))
  const branches = [...few, ...driver.branches(manyGates(probes))].map((branch) => sql`(${branch})`)
  const keys = keyNames(order, 'branch')
  const id = sql.raw('branch.entity_id')
  const page = sql`page as materialized (
    select ${sql.join([id, ...keys], ', ')} from (${sql.join(branches, ' union all ')}) branch
    order by ${orderBy(order, keys, id)} ${limitOf(plan)})`
  const parts = [...branchParts(plan), ...probes.flatMap((probe, index) => probeParts(probe, index, plan)), page]
  return sql`with ${sql.join(parts, ', ')}`
}

/** How many entities there are, and the head. */
export function countStatement(plan: QueryPlan, types: TypeSource): SQL {
  const probes = probesOf(plan, types, undefined)
  const rows = [...fewOf(plan, probes), allRows(plan, manyGates(probes))]
  const branches = rows.map((each) => sql`(${countedBranch(plan, each)})`)
  const parts = [...branchParts(plan), ...probes.flatMap((probe, index) => probeParts(probe, index, plan))]
  const ctes = parts.length === 0 ? sql`` : sql`with ${sql.join(parts, ', ')}`
  return sql`${ctes} select head.revision, head.log_id as "logId",
    (select count(*) from (${sql.join(branches, ' union all ')}) branch) as count from head`
}

interface NamedProbe {
  readonly name: string
  readonly probe: Probe
  /** Which of the plan's conditions it ensures. */
  readonly ensures: Condition | undefined
}

/** The probes that may leave few entities, best first. What the driver ensures is no worse followed by it. */
function probesOf(plan: QueryPlan, types: TypeSource, driving: Condition | undefined): NamedProbe[] {
  const limit = sql.raw(`limit ${plan.mostDriving + 1}`)
  const context: Omit<ProbeContext, 'name'> = { type: plan.type.name, types, limit }
  const direct = plan.conditions
    .filter((condition) => condition !== driving)
    .flatMap((condition) => {
      const make = (name: string): Probe | undefined => conditionProbe(condition, { name, limit })
      const probe = make('')
      return probe === undefined ? [] : [{ rank: probe.rank, make, ensures: condition }]
    })
  const checks = plan.checks.flatMap((check) => {
    const make = (name: string): Probe | undefined => probeOf(check, { ...context, name })
    const rank = make('')?.rank
    return rank === undefined ? [] : [{ rank, make, ensures: undefined }]
  })
  return [...direct, ...checks]
    .sort((a, b) => a.rank - b.rank)
    .slice(0, mostProbes)
    .flatMap(({ make, ensures }, index) => {
      const name = `probe_${index}`
      const probe = make(name)
      return probe === undefined ? [] : [{ name, probe, ensures }]
    })
}

/** The parts of a probe, and whether it found too much. */
function probeParts({ probe }: NamedProbe, index: number, { mostDriving }: QueryPlan): SQL[] {
  const parts = probe.parts.map(({ name, rows }) => sql`${sql.raw(name)} as materialized (${rows})`)
  const counts = probe.parts.map(({ name }) => sql.raw(`(select count(*) from ${name})`))
  return [
    ...parts,
    sql`${sql.raw(`many_${index}`)} as materialized (
      select greatest(${sql.join(counts, ', ')}) > ${sql.raw(`${mostDriving}`)} as n)`,
  ]
}

function manyGates(probes: readonly NamedProbe[]): SQL[] {
  return probes.map((_probe, index) => sql.raw(`(select n from many_${index})`))
}

/** The entities of each probe, if it found few and those before it did not. */
function fewOf(plan: QueryPlan, probes: readonly NamedProbe[]): BranchRows[] {
  const isMany = manyGates(probes)
  return probes.map(({ name, ensures }, index) => ({
    rows: sql.raw(`${name} p`),
    entityId: sql.raw('p.id'),
    gates: [sql`not ${isMany[index]}`, ...isMany.slice(0, index)],
    conditions: plan.conditions.filter((condition) => condition !== ensures),
  }))
}
