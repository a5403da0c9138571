import { int4Array, int8Array, textArray, type Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/** An attempt to begin. */
export interface AttemptToBegin {
  readonly occurrenceId: string
  readonly claim: string
  /** Of the schedule, as it was claimed. */
  readonly revision: number
  readonly cause: number
  /** Whether the schedule must be active, and no other occurrence may have taken the place of this one. */
  readonly needsActive: boolean
}

/** An attempt that has begun. */
export interface BegunAttempt {
  occurrenceId: string
  number: number
  startedUs: number
  /** Whether it is the first one of its occurrence. */
  isFirst: boolean
}

/**
 * Records attempts just before their actions. What is not returned must not be carried out: its schedule was changed,
 * paused or deleted meanwhile, or another scheduler has the occurrence. Attempts that were cut off are closed as lost.
 */
export async function beginAttempts(
  executor: Executor,
  scheduler: string,
  { attempts, leaseMs }: { attempts: readonly AttemptToBegin[]; leaseMs: number },
): Promise<BegunAttempt[]> {
  const { rows } = await executor.query<BegunAttempt>({
    name: 'begin_attempts',
    text: `
      with present as materialized (select ${nowUs} as us),
      wanted as (
        select * from unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::int[])
          as wanted (id, claim, revision, cause, needs_active)),
      begun as (
        update occurrence set state = 3, attempts = attempts + 1, tries = tries + 1, cause = wanted.cause,
          started_us = coalesce(started_us, present.us), lease_us = present.us + $6, attempt_us = present.us,
          attempt_scheduler = $7, attempt_ended_us = null, attempt_outcome = 0, attempt_status_code = 0, attempt_result = '',
          attempt_error = ''
        from present, wanted, schedule
        where occurrence.id = wanted.id and occurrence.claim = wanted.claim and occurrence.state in (2, 3)
          and occurrence.lease_us > present.us
          and schedule.id = occurrence.schedule_id and schedule.revision = wanted.revision
          and (wanted.needs_active = 0
            or (schedule.state = 1 and schedule.disabled_reason = '' and occurrence.reason <> 'replaced'))
        returning occurrence.id, occurrence.attempts, present.us),
      former as (
        insert into attempt (occurrence_id, number, scheduler, started_us, ended_us, outcome, status_code, result, error)
        select before.id, before.attempts, attempt_scheduler, attempt_us, coalesce(attempt_ended_us, begun.us),
          case when attempt_ended_us is null then 3 else attempt_outcome end, attempt_status_code, attempt_result, attempt_error
        from begun join occurrence as before on before.id = begun.id
        where begun.attempts > 1 and attempt_us is not null)
      select id as "occurrenceId", attempts as number, us as "startedUs", attempts = 1 as "isFirst" from begun`,
    values: [
      textArray(attempts.map(({ occurrenceId }) => occurrenceId)),
      textArray(attempts.map(({ claim }) => claim)),
      int8Array(attempts.map(({ revision }) => revision)),
      int4Array(attempts.map(({ cause }) => cause)),
      int4Array(attempts.map(({ needsActive }) => (needsActive ? 1 : 0))),
      leaseMs * 1_000,
      scheduler,
    ],
  })
  return rows
}
