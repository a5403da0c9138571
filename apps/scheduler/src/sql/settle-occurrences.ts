import { int4Array, int8Array, textArray, type Executor } from '@qcore/database'
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
  /** The attempt that has ended; 0: none was begun. If that is the end, what an earlier scheduler left open ends with it. */
  readonly attempt: number
  /** As AttemptOutcome. */
  readonly outcome: number
  readonly statusCode: number
  readonly result: string
  /** What is kept of an occurrence that failed. */
  readonly letter?: DeathOfOccurrence
}

/** A dead letter of an occurrence. */
export interface DeathOfOccurrence {
  readonly namespace: string
  readonly type: string
  /** JSON that describes the occurrence. */
  readonly payload: string
  readonly fingerprint: string
  readonly scheduler: string
}

/** Whether an occurrence is over with a settlement. */
const isOver = `(settled.state > 3 or settled.state = 1 and occurrence.reason = 'replaced')`

/** What is stored of an attempt that ends. */
const endOfAttempt = [
  ['attempt_ended_us', 'present.us'],
  ['attempt_outcome', 'settled.outcome'],
  ['attempt_status_code', 'settled.status_code'],
  ['attempt_result', 'settled.result'],
  ['attempt_error', 'settled.error'],
] as const

const isOpen = 'attempt_us is not null and attempt_ended_us is null'
const endsAttempt = `${isOpen} and (occurrence.attempts = settled.attempt or settled.attempt = 0 and ${isOver})`

/**
 * Stores how attempts ended, and what becomes of their occurrences: one that failed is a dead letter, one whose place
 * another one has taken is not tried again. Returns the ids of those that this scheduler still had; of the others nothing is
 * changed but the attempt.
 */
export async function settleOccurrences(executor: Executor, settlements: readonly Settlement[]): Promise<Set<string>> {
  const letters = settlements.flatMap(({ occurrenceId, error, letter }) =>
    letter === undefined ? [] : [{ occurrenceId, error, ...letter }],
  )
  const { rows } = await executor.query<{ id: string }>({
    name: 'settle_occurrences',
    text: `
      with present as materialized (select ${nowUs} as us),
      settled as (
        select * from unnest(
          $1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::int[], $8::int[], $9::int[], $10::int[],
          $11::text[]) as settled (id, claim, state, reason, error, wait_us, tries, attempt, outcome, status_code, result)),
      stored as (
        update occurrence set error = settled.error, claim = null, tries = occurrence.tries + settled.tries,
          state = case when settled.state < 4 and ${isOver} then 8 else settled.state end,
          reason = case when settled.state < 4 and occurrence.reason = 'replaced' then 'replaced' else settled.reason end,
          wake_us = present.us + settled.wait_us,
          ended_us = case when ${isOver} then present.us end,
          ${endOfAttempt.map(([to, from]) => `${to} = case when ${endsAttempt} then ${from} else ${to} end`).join(', ')}
        from settled, present
        where occurrence.id = settled.id and occurrence.claim = settled.claim and occurrence.state in (2, 3)
        returning occurrence.id, schedule_id, nominal_us, occurrence.state, cause, attempts),
      late as (
        update occurrence set ${endOfAttempt.map(([to, from]) => `${to} = ${from}`).join(', ')}
        from settled, present
        where settled.id not in (select id from stored) and occurrence.id = settled.id
          and ${isOpen} and occurrence.attempts = settled.attempt),
      letter as (
        select * from unnest($12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[])
          as letter (id, namespace, type, payload, error, fingerprint, scheduler)),
      buried as (
        insert into dead_letter (
          namespace, group_name, schedule_id, occurrence_id, event_id, emitted_us, type, payload, producer, correlation_id,
          order_key, attributes, writer, reason, error, fingerprint, attempts, node_id, died_at)
        select letter.namespace, '#' || stored.schedule_id, stored.schedule_id, stored.id, stored.id, stored.nominal_us,
          letter.type, letter.payload, 'scheduler', stored.schedule_id, '', '', 'scheduler', 1, letter.error,
          letter.fingerprint, stored.attempts, letter.scheduler, clock_timestamp()
        from stored join letter on letter.id = stored.id where stored.state = 5
        on conflict (occurrence_id) where occurrence_id is not null do update set
          state = 1, reason = 1, type = excluded.type, payload = excluded.payload, error = excluded.error,
          fingerprint = excluded.fingerprint, attempts = excluded.attempts, node_id = excluded.node_id,
          died_at = excluded.died_at),
      risen as (
        update dead_letter set state = 3, replayed_at = clock_timestamp()
        from stored where dead_letter.occurrence_id = stored.id and stored.state = 4 and stored.cause in (5, 6))
      select id from stored`,
    values: [
      textArray(settlements.map(({ occurrenceId }) => occurrenceId)),
      textArray(settlements.map(({ claim }) => claim)),
      int4Array(settlements.map(({ state }) => state)),
      textArray(settlements.map(({ reason }) => reason)),
      textArray(settlements.map(({ error }) => error)),
      int8Array(settlements.map(({ waitMs }) => Math.round(waitMs * 1_000))),
      int4Array(settlements.map(({ tries }) => tries)),
      int4Array(settlements.map(({ attempt }) => attempt)),
      int4Array(settlements.map(({ outcome }) => outcome)),
      int4Array(settlements.map(({ statusCode }) => statusCode)),
      textArray(settlements.map(({ result }) => result)),
      textArray(letters.map(({ occurrenceId }) => occurrenceId)),
      textArray(letters.map(({ namespace }) => namespace)),
      textArray(letters.map(({ type }) => type)),
      textArray(letters.map(({ payload }) => payload)),
      textArray(letters.map(({ error }) => error)),
      textArray(letters.map(({ fingerprint }) => fingerprint)),
      textArray(letters.map(({ scheduler }) => scheduler)),
    ],
  })
  return new Set(rows.map(({ id }) => id))
}
