import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/**
 * Has a schedule fire no more, until it is put or resumed; what is pending is skipped. The time is left behind: what of that is
 * still to come when the schedule goes on is found by it.
 */
export async function disableSchedule(
  executor: Executor,
  { scheduleId, revision, reason }: { scheduleId: string; revision: number; reason: string },
): Promise<void> {
  await executor.query({
    name: 'disable_schedule',
    text: `
      with present as materialized (select ${nowUs} as us),
      disabled as (
        update schedule set disabled_reason = $3, plan_us = null, idle_until_us = present.us, idle_reason = 'disabled'
        from present
        where id = $1 and revision = $2 and state = 1 and disabled_reason = '' returning id, present.us)
      update occurrence set state = 6, reason = 'disabled', ended_us = disabled.us, claim = null
      from disabled
      where schedule_id = disabled.id and ended_us is null and state in (1, 2) and cause < 4`,
    values: [scheduleId, revision, reason],
  })
}

/**
 * Remembers since when the occurrences of a schedule fail. Returns since when, in microseconds since 1970, and what time it is.
 */
export async function noteFailure(
  executor: Executor,
  scheduleId: string,
): Promise<{ failingUs: number; nowUs: number } | undefined> {
  const { rows } = await executor.query<{ failingUs: number; nowUs: number }>({
    name: 'note_failure',
    text: `
      update schedule set failing_us = coalesce(failing_us, ${nowUs}) where id = $1
      returning failing_us as "failingUs", ${nowUs} as "nowUs"`,
    values: [scheduleId],
  })
  return rows[0]
}

/** Forgets since when the occurrences of a schedule fail: one succeeded. */
export async function noteSuccess(executor: Executor, scheduleId: string): Promise<void> {
  await executor.query({
    name: 'note_success',
    text: 'update schedule set failing_us = null where id = $1 and failing_us is not null',
    values: [scheduleId],
  })
}
