import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'
import type { Deed, Doer } from './deed.ts'

export interface Backfill {
  readonly scheduleId: string
  readonly scheduleRevision: number
  readonly times: readonly { readonly id: string; readonly nominalUs: number }[]
  readonly includeCompleted: boolean
}

/**
 * Has occurrences of the past fire now: those without a row, and those that are over and did not complete; and notes who did.
 * Returns how many.
 * Each is a new run, so that its effect is not taken for that of the first one.
 */
export async function backfillOccurrences(
  executor: Executor,
  { scheduleId, scheduleRevision, times, includeCompleted }: Backfill,
  { subject, tokenId, action, detail }: Doer & Deed,
): Promise<number> {
  const { rows } = await executor.query<{ count: number }>({
    name: 'backfill_occurrences',
    text: `
      with filled as (
        insert into occurrence (
          id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
        select added.id, $1, nominal_us, nominal_us, us, us, 1, 5, $2, us
        from unnest($3::text[], $4::bigint[]) as added (id, nominal_us), (select ${nowUs} as us) as present
        on conflict (schedule_id, nominal_us) do update set
          state = 1, cause = 5, reason = '', error = '', due_us = excluded.due_us, wake_us = excluded.wake_us, tries = 0,
          run = occurrence.run + 1, claim = null, started_us = null, ended_us = null,
          schedule_revision = excluded.schedule_revision
        where occurrence.state > 4 and occurrence.size = 1 or occurrence.state = 4 and $5
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
    ],
  })
  return rows[0]?.count ?? 0
}
