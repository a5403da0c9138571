import { int4Array, textArray, type Executor } from '@qcore/database'
import { nowUs } from './clock.ts'
import type { Settlement } from './settle-occurrences.ts'

/** How a successful attempt is stored. */
export type Completion = Pick<Settlement, 'occurrenceId' | 'claim' | 'attempt' | 'statusCode' | 'result'>

/**
 * Stores attempts that were successful, and that their occurrences are completed: what `settleOccurrences` does with most
 * of what it gets, in a statement that does nothing else. Returns the ids of those; the others are unchanged: somebody else
 * has them, or a dead letter is to rise with them.
 */
export async function completeOccurrences(
  executor: Executor,
  completions: readonly Completion[],
): Promise<Set<string>> {
  const { rows } = await executor.query<{ id: string }>({
    name: 'complete_occurrences',
    text: `
      with present as materialized (select ${nowUs} as us)
      update occurrence set state = 4, reason = '', error = '', claim = null, wake_us = present.us, ended_us = present.us,
        attempt_ended_us = present.us, attempt_outcome = 1, attempt_status_code = completed.status_code,
        attempt_result = completed.result, attempt_error = ''
      from present,
        unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::text[])
          as completed (id, claim, attempt, status_code, result)
      where occurrence.id = completed.id and occurrence.claim = completed.claim
        and occurrence.cause not in (5, 6) and occurrence.attempts = completed.attempt
        and attempt_us is not null and attempt_ended_us is null
      returning occurrence.id`,
    values: [
      textArray(completions.map(({ occurrenceId }) => occurrenceId)),
      textArray(completions.map(({ claim }) => claim)),
      int4Array(completions.map(({ attempt }) => attempt)),
      int4Array(completions.map(({ statusCode }) => statusCode)),
      textArray(completions.map(({ result }) => result)),
    ],
  })
  return new Set(rows.map(({ id }) => id))
}
