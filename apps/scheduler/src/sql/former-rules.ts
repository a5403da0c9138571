import { randomUUIDv7 } from 'node:crypto'
import { int4Array, int8Array, textArray, type Executor } from '@qcore/database'
import type { PlannedOccurrence } from '../plan/plan-schedule.ts'
import { nowUs } from './clock.ts'

/** A rule that a schedule had, and whose times from `plannedUs` to `untilUs` are to have their rows. */
export interface FormerRuleRow {
  scheduleId: string
  revision: number
  definition: Buffer
  ruleSpec: string
  plannedUs: number
  untilUs: number
  idleUntilUs: number
  idleReason: string
}

/** Former rules whose times nobody has seen to, in no order. */
export async function loadFormerRules(executor: Executor, limit: number): Promise<FormerRuleRow[]> {
  const { rows } = await executor.query<FormerRuleRow>({
    name: 'load_former_rules',
    text: `
      select schedule_id as "scheduleId", revision, definition, rule_spec as "ruleSpec", planned_us as "plannedUs",
        until_us as "untilUs", idle_until_us as "idleUntilUs", idle_reason as "idleReason"
      from former_rule limit $1`,
    values: [limit],
  })
  return rows
}

/** What becomes of the times of a former rule. */
export interface PlannedFormerRule {
  readonly formerRule: Pick<FormerRuleRow, 'scheduleId' | 'revision'>
  readonly rows: readonly PlannedOccurrence[]
}

/**
 * Stores the rows of former rules, and forgets the rules. What has its row already keeps it. Rules that somebody else has seen to
 * meanwhile, or is seeing to, are passed over. Returns how many rules were planned.
 */
export async function storeFormerRules(executor: Executor, planned: readonly PlannedFormerRule[]): Promise<number> {
  const rows = planned.flatMap(({ formerRule, rows }) => rows.map((row) => ({ ...row, ...formerRule })))
  const { rows: stored } = await executor.query<{ count: number }>({
    name: 'store_former_rules',
    text: `
      with locked as (
        select schedule_id, revision from former_rule
        where (schedule_id, revision) in (select * from unnest($1::text[], $2::bigint[])) for update skip locked),
      gone as (
        delete from former_rule using locked
        where former_rule.schedule_id = locked.schedule_id and former_rule.revision = locked.revision
        returning former_rule.schedule_id, former_rule.revision),
      inserted as (
        insert into occurrence (
          id, schedule_id, schedule_revision, nominal_us, last_nominal_us, size, due_us, wake_us, state, cause, reason,
          created_us, ended_us)
        select id, schedule_id, revision, nominal_us, last_nominal_us, size, due_us, due_us, state, cause, reason,
          present.us, case when state < 4 then null else present.us end
        from unnest(
          $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::int[],
          $11::int[], $12::text[]) as added (
          id, schedule_id, revision, nominal_us, last_nominal_us, size, due_us, state, cause, reason)
          join gone using (schedule_id, revision), (select ${nowUs} as us) as present
        on conflict (schedule_id, nominal_us) do nothing)
      select count(*)::int as count from gone`,
    values: [
      textArray(planned.map(({ formerRule }) => formerRule.scheduleId)),
      int8Array(planned.map(({ formerRule }) => formerRule.revision)),
      textArray(rows.map(() => randomUUIDv7())),
      textArray(rows.map(({ scheduleId }) => scheduleId)),
      int8Array(rows.map(({ revision }) => revision)),
      int8Array(rows.map(({ nominalUs }) => nominalUs)),
      int8Array(rows.map(({ lastNominalUs }) => lastNominalUs)),
      int8Array(rows.map(({ size }) => size)),
      int8Array(rows.map(({ dueUs }) => dueUs)),
      int4Array(rows.map(({ state }) => state)),
      int4Array(rows.map(({ cause }) => cause)),
      textArray(rows.map(({ reason }) => reason)),
    ],
  })
  return stored[0]?.count ?? 0
}
