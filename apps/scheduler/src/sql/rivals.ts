import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/** What else of a schedule is not over. */
export interface Rivals {
  /** Whether an occurrence has begun, and will go on or be tried again. */
  hasBegun: boolean
  /** The times of those that wait for their turn. */
  waiting: number[]
}

/** Has who else wants to begin an occurrence of a schedule wait until the transaction is over. */
export async function lockSchedule(executor: Executor, scheduleId: string): Promise<void> {
  await executor.query({
    name: 'lock_schedule',
    text: 'select from schedule where id = $1 for no key update',
    values: [scheduleId],
  })
}

/** Reads what of a schedule is not over. */
export async function readRivals(executor: Executor, scheduleId: string): Promise<Rivals> {
  const { rows } = await executor.query<Rivals>({
    name: 'read_rivals',
    text: `
      select coalesce(bool_or(state = 3 or attempts > 0), false) as "hasBegun",
        coalesce(array_agg(nominal_us) filter (where attempts = 0 and state <> 3 and reason = 'overlap'), '{}') as waiting
      from occurrence where schedule_id = $1 and ended_us is null`,
    values: [scheduleId],
  })
  return rows[0] ?? { hasBegun: false, waiting: [] }
}

/** An occurrence that waits for its turn. */
export interface ParkedOccurrence {
  readonly occurrenceId: string
  readonly claim: string
  /** Until somebody looks at it again. */
  readonly waitMs: number
}

/** Gives occurrences that were claimed a place among those that wait for their turn. */
export async function parkOccurrences(executor: Executor, parked: readonly ParkedOccurrence[]): Promise<void> {
  if (parked.length === 0) return
  await executor.query({
    name: 'park_occurrences',
    text: `
      with present as materialized (select ${nowUs} as us)
      update occurrence set state = 1, reason = 'overlap', claim = null, wake_us = present.us + parked.wait_us
      from unnest($1::text[], $2::text[], $3::bigint[]) as parked (id, claim, wait_us), present
      where occurrence.id = parked.id and occurrence.claim = parked.claim and occurrence.state = 2`,
    values: [
      parked.map(({ occurrenceId }) => occurrenceId),
      parked.map(({ claim }) => claim),
      parked.map(({ waitMs }) => waitMs * 1_000),
    ],
  })
}

/**
 * Takes the place of what has begun: it is not tried again. What is under way may still end well; otherwise it ends as
 * replaced.
 */
export async function replaceRivals(executor: Executor, scheduleId: string, id: string): Promise<void> {
  await executor.query({
    name: 'replace_rivals',
    text: `
      update occurrence set
        state = case when state = 3 then 3 else 8 end, reason = 'replaced',
        ended_us = case when state = 3 then null else ${nowUs} end, claim = case when state = 3 then claim end
      where schedule_id = $1 and ended_us is null and id <> $2 and (state = 3 or state in (1, 2) and attempts > 0)`,
    values: [scheduleId, id],
  })
}
