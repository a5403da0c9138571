import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'
import type { Deed, Doer } from './deed.ts'

export interface Backfill {
  readonly scheduleId: string
  readonly scheduleRevision: number
  /** All that the rule has in the span. */
  readonly times: readonly { readonly id: string; readonly nominalUs: number }[]
  /** The next ones after the span, where a row goes on that stands for several and begins within it. */
  readonly laterUs: readonly number[]
  readonly includeCompleted: boolean
}

/**
 * Has occurrences of the past fire now: those without a row, and those that are over and did not complete; and notes who did.
 * Of a row that stands for several, those that do not fire stay in a row. Returns how many fire.
 * Each is a new run, so that its effect is not taken for that of the first one.
 */
export async function backfillOccurrences(
  executor: Executor,
  { scheduleId, scheduleRevision, times, laterUs, includeCompleted }: Backfill,
  { subject, tokenId, action, detail }: Doer & Deed,
): Promise<number> {
  const { rows } = await executor.query<{ count: number }>({
    name: 'backfill_occurrences',
    text: `
      with added as (
        select * from unnest($3::text[], $4::bigint[]) as added (id, nominal_us)),
      several as (
        select last_nominal_us, state, cause, reason, schedule_revision, created_us, ended_us,
          size - (select count(*) from added as taken
            where taken.nominal_us between occurrence.nominal_us and last_nominal_us and not exists (
              select from occurrence as own
              where own.schedule_id = $1 and own.nominal_us = taken.nominal_us and own.id <> occurrence.id)) as left_over,
          (select min(us) from unnest($10::bigint[]) as later (us)
            where us <= last_nominal_us and not exists (
              select from occurrence as own where own.schedule_id = $1 and own.nominal_us = us)) as from_us
        from occurrence join added on added.nominal_us = occurrence.nominal_us
        where occurrence.schedule_id = $1 and size > 1 and state > 4),
      others as (
        insert into occurrence (
          id, schedule_id, nominal_us, last_nominal_us, size, due_us, wake_us, state, cause, reason, schedule_revision,
          created_us, ended_us)
        select gen_random_uuid()::text, $1, from_us, last_nominal_us, left_over, from_us, from_us, state, cause, reason,
          schedule_revision, created_us, ended_us
        from several where from_us is not null and left_over > 0
        on conflict do nothing),
      filled as (
        insert into occurrence (
          id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
        select added.id, $1, nominal_us, nominal_us, us, us, 1, 5, $2, us
        from added, (select ${nowUs} as us) as present
        on conflict (schedule_id, nominal_us) do update set
          state = 1, cause = 5, reason = '', error = '', due_us = excluded.due_us, wake_us = excluded.wake_us, tries = 0,
          run = occurrence.run + 1, claim = null, started_us = null, ended_us = null, size = 1,
          last_nominal_us = excluded.last_nominal_us, schedule_revision = excluded.schedule_revision
        where occurrence.state > 4 or occurrence.state = 4 and $5
        returning 1),
      counted as (
        select count(*)::int as count from filled),
      noted as (
        insert into audit (subject, token_id, action, target, detail)
        select $6::text, $7::text, $8::text, $1, $9::jsonb || jsonb_build_object('count', count) from counted where count > 0)
      select count from counted`,
    values: [
      scheduleId,
      scheduleRevision,
      times.map(({ id }) => id),
      times.map(({ nominalUs }) => nominalUs),
      includeCompleted,
      subject,
      tokenId,
      action,
      JSON.stringify(detail),
      laterUs,
    ],
  })
  return rows[0]?.count ?? 0
}
