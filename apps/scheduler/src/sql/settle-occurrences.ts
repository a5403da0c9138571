import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/** What becomes of an occurrence that this scheduler has. */
export interface Settlement {
  readonly occurrenceId: string
  readonly claim: string
  /** Pending again, or a final state. */
  readonly state: number
  readonly reason: string
  readonly error: string
  /** Until it is seen to again, of a pending one. */
  readonly waitMs: number
  /** Of attempts that do not count against the most there may be: -1. */
  readonly tries: number
  /** The attempt that has ended; 0: none was begun. */
  readonly attempt: number
  /** As AttemptOutcome. */
  readonly outcome: number
  readonly statusCode: number
  readonly result: string
}

/**
 * Stores how attempts ended, and what becomes of their occurrences. Returns the ids of those that this scheduler still had;
 * of the others nothing is changed but the attempt.
 */
export async function settleOccurrences(executor: Executor, settlements: readonly Settlement[]): Promise<Set<string>> {
  const { rows } = await executor.query<{ id: string }>({
    name: 'settle_occurrences',
    text: `
      with present as materialized (select ${nowUs} as us),
      settled as (
        select * from unnest(
          $1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::int[], $8::int[], $9::int[], $10::int[],
          $11::text[]) as settled (id, claim, state, reason, error, wait_us, tries, attempt, outcome, status_code, result)),
      ended as (
        update attempt set ended_us = present.us, outcome = settled.outcome, status_code = settled.status_code,
          result = settled.result, error = settled.error
        from settled, present
        where attempt.occurrence_id = settled.id and attempt.number = settled.attempt and attempt.ended_us is null)
      update occurrence set state = settled.state, reason = settled.reason, error = settled.error, claim = null,
        tries = occurrence.tries + settled.tries, wake_us = present.us + settled.wait_us,
        ended_us = case when settled.state < 4 then null else present.us end
      from settled, present
      where occurrence.id = settled.id and occurrence.claim = settled.claim and occurrence.state in (2, 3)
      returning occurrence.id`,
    values: [
      settlements.map(({ occurrenceId }) => occurrenceId),
      settlements.map(({ claim }) => claim),
      settlements.map(({ state }) => state),
      settlements.map(({ reason }) => reason),
      settlements.map(({ error }) => error),
      settlements.map(({ waitMs }) => Math.round(waitMs * 1_000)),
      settlements.map(({ tries }) => tries),
      settlements.map(({ attempt }) => attempt),
      settlements.map(({ outcome }) => outcome),
      settlements.map(({ statusCode }) => statusCode),
      settlements.map(({ result }) => result),
    ],
  })
  return new Set(rows.map(({ id }) => id))
}
