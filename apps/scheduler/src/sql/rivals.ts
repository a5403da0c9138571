import type { Executor } from '@qcore/database'

/** What else of a schedule is not over. */
export interface Rivals {
  /** Whether another occurrence has begun, and will go on or be tried again. */
  hasBegun: boolean
  /** How many earlier ones wait for their turn. */
  waiting: number
}

/** Has who else wants to begin an occurrence of a schedule wait until the transaction is over. */
export async function lockSchedule(executor: Executor, scheduleId: string): Promise<void> {
  await executor.query({
    name: 'lock_schedule',
    text: 'select from schedule where id = $1 for no key update',
    values: [scheduleId],
  })
}

/** Reads what else of a schedule is not over. */
export async function readRivals(
  executor: Executor,
  { scheduleId, id, nominalUs }: { scheduleId: string; id: string; nominalUs: number },
): Promise<Rivals> {
  const { rows } = await executor.query<Rivals>({
    name: 'read_rivals',
    text: `
      select coalesce(bool_or(state = 3 or attempts > 0), false) as "hasBegun",
        count(*) filter (where attempts = 0 and state <> 3 and nominal_us < $3 and reason = 'overlap')::int as waiting
      from occurrence where schedule_id = $1 and id <> $2 and state < 4`,
    values: [scheduleId, id, nominalUs],
  })
  return rows[0] ?? { hasBegun: false, waiting: 0 }
}

/** Takes the place of what has begun: it is not tried again. What is under way may still end well. */
export async function replaceRivals(executor: Executor, scheduleId: string, id: string): Promise<void> {
  await executor.query({
    name: 'replace_rivals',
    text: `
      update occurrence set
        state = case when state = 3 then 3 else 8 end, reason = case when state = 3 then reason else 'replaced' end,
        ended_us = case when state = 3 then null else (extract(epoch from clock_timestamp()) * 1000000)::bigint end,
        claim = case when state = 3 then claim else null end, tries = case when state = 3 then 1000000 else tries end
      where schedule_id = $1 and id <> $2 and (state = 3 or state in (1, 2) and attempts > 0)`,
    values: [scheduleId, id],
  })
}
