import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

export interface Backfill {
  readonly scheduleId: string
  readonly scheduleRevision: number
  readonly times: readonly { readonly id: string; readonly nominalUs: number }[]
  readonly includeCompleted: boolean
}

/**
 * Has occurrences of the past fire now: those without a row, and those that are over and did not complete. Returns how many.
 * Each is a new run, so that its effect is not taken for that of the first one.
 */
export async function backfillOccurrences(
  executor: Executor,
  { scheduleId, scheduleRevision, times, includeCompleted }: Backfill,
): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'backfill_occurrences',
    text: `
      insert into occurrence (
        id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
      select added.id, $1, nominal_us, nominal_us, us, us, 1, 5, $2, us
      from unnest($3::text[], $4::bigint[]) as added (id, nominal_us), (select ${nowUs} as us) as present
      on conflict (schedule_id, nominal_us) do update set
        state = 1, cause = 5, reason = '', error = '', due_us = excluded.due_us, wake_us = excluded.wake_us, tries = 0,
        run = occurrence.run + 1, claim = null, started_us = null, ended_us = null,
        schedule_revision = excluded.schedule_revision
      where occurrence.state > 4 and occurrence.size = 1 or occurrence.state = 4 and $5`,
    values: [
      scheduleId,
      scheduleRevision,
      times.map(({ id }) => id),
      times.map(({ nominalUs }) => nominalUs),
      includeCompleted,
    ],
  })
  return rowCount ?? 0
}
