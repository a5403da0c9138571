import { OccurrenceCause } from '@qcore/contracts'
import type { TestStore } from './_store.ts'

/** The rule of a schedule that fires once, so many milliseconds from now. */
export function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString()
}

/**
 * Adds so many occurrences to a schedule that are due now, of the seconds that have passed: to be caught up with, if `cause`
 * is not another one.
 */
export async function addDue(
  { pool }: TestStore,
  scheduleId: string,
  count: number,
  cause: OccurrenceCause = OccurrenceCause.CAUGHT_UP,
): Promise<void> {
  const text = `
    insert into occurrence (
      id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
    select gen_random_uuid(), id, at_us, at_us, now_us, now_us, 1, $3, revision, now_us
    from schedule, (select (extract(epoch from now()) * 1000000)::bigint as now_us) as present,
      generate_series(now_us - $2 * 1000000, now_us - 1000000, 1000000) as at_us
    where id = $1`
  await pool.query(text, [scheduleId, count, cause])
}
