import { randomUUIDv7 } from 'node:crypto'
import type { Executor } from '@qcore/database'
import type { PlannedOccurrence } from '../plan/plan-schedule.ts'
import { nowUs } from './clock.ts'

/** A schedule that is to be planned further. */
export interface ScheduleToPlanRow {
  id: string
  revision: number
  planRevision: number
  plannedUs: number
  idleUntilUs: number
  idleReason: string
  definition: Buffer
  ruleSpec: string
  nowUs: number
}

/** The schedules whose planning reaches less far than it should, the nearest first. */
export async function loadSchedulesToPlan(
  executor: Executor,
  { aheadMs, limit }: { aheadMs: number; limit: number },
): Promise<ScheduleToPlanRow[]> {
  const { rows } = await executor.query<ScheduleToPlanRow>({
    name: 'load_schedules_to_plan',
    text: `
      select id, revision, plan_revision as "planRevision", planned_us as "plannedUs", idle_until_us as "idleUntilUs",
        idle_reason as "idleReason", definition, rule_spec as "ruleSpec", ${nowUs} as "nowUs"
      from schedule where plan_us is not null and plan_us <= (select ${nowUs}) + $1 order by plan_us limit $2`,
    values: [aheadMs * 1_000, limit],
  })
  return rows
}

/** What is planned for a schedule. */
export interface StoredPlan {
  readonly schedule: Pick<ScheduleToPlanRow, 'id' | 'revision' | 'planRevision' | 'plannedUs' | 'nowUs'>
  readonly plannedUs: number
  readonly isExhausted: boolean
  readonly rows: readonly PlannedOccurrence[]
}

/**
 * Stores plans. Those of schedules that somebody else has planned or changed meanwhile, or is changing now, are passed over.
 * Returns how many schedules were planned.
 */
export async function storePlans(executor: Executor, plans: readonly StoredPlan[]): Promise<number> {
  const rows = plans.flatMap((plan) => plan.rows.map((row) => ({ ...row, schedule: plan.schedule })))
  const { rows: stored } = await executor.query<{ count: number }>({
    name: 'store_plans',
    text: `
      with planned as (
        select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bool[])
          as planned (id, plan_revision, from_us, to_us, is_exhausted)),
      locked as (
        select schedule.id, to_us, is_exhausted from schedule join planned using (id)
        where schedule.plan_revision = planned.plan_revision and schedule.planned_us = from_us and plan_us is not null
        for update of schedule skip locked),
      moved as (
        update schedule set planned_us = to_us, plan_us = case when is_exhausted then null else to_us end
        from locked where schedule.id = locked.id returning schedule.id),
      added as (
        select added.* from unnest(
          $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::int[], $13::int[],
          $14::text[], $15::bigint[], $16::bigint[]) as added (
          id, schedule_id, nominal_us, last_nominal_us, size, due_us, state, cause, reason, schedule_revision, now_us)
        where schedule_id in (select id from moved)),
      inserted as (
        insert into occurrence (
          id, schedule_id, nominal_us, last_nominal_us, size, due_us, wake_us, state, cause, reason, schedule_revision,
          created_us, ended_us)
        select id, schedule_id, nominal_us, last_nominal_us, size, due_us, due_us, state, cause, reason, schedule_revision,
          now_us, case when state < 4 then null else now_us end
        from added
        on conflict (schedule_id, nominal_us) do update set
          state = 1, cause = excluded.cause, reason = '', ended_us = null, claim = null,
          due_us = case when occurrence.reason = 'changed' then excluded.due_us else occurrence.due_us end,
          wake_us = case when occurrence.reason = 'changed' then excluded.wake_us else occurrence.due_us end,
          schedule_revision = excluded.schedule_revision
        where excluded.state = 1 and occurrence.reason in ('paused', 'changed', 'disabled') and occurrence.attempts = 0
          and occurrence.size = 1
          and (occurrence.reason = 'changed' or occurrence.due_us >= least(occurrence.nominal_us, excluded.created_us)))
      select count(*)::int as count from moved`,
    values: [
      plans.map(({ schedule }) => schedule.id),
      plans.map(({ schedule }) => schedule.planRevision),
      plans.map(({ schedule }) => schedule.plannedUs),
      plans.map(({ plannedUs }) => plannedUs),
      plans.map(({ isExhausted }) => isExhausted),
      rows.map(() => randomUUIDv7()),
      rows.map(({ schedule }) => schedule.id),
      rows.map(({ nominalUs }) => nominalUs),
      rows.map(({ lastNominalUs }) => lastNominalUs),
      rows.map(({ size }) => size),
      rows.map(({ dueUs }) => dueUs),
      rows.map(({ state }) => state),
      rows.map(({ cause }) => cause),
      rows.map(({ reason }) => reason),
      rows.map(({ schedule }) => schedule.revision),
      rows.map(({ schedule }) => schedule.nowUs),
    ],
  })
  return stored[0]?.count ?? 0
}
