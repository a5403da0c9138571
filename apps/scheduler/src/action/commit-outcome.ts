import { occurrenceKeyPrefix } from '@qcore/contracts'
import { isQError, type ErrorCode } from '@qcore/errors'
import type { ActionOutcome, Occasion } from './action.ts'

/** It may be done; `canceled` is the scheduler's own stop. */
const inDoubt: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['outcome_unknown', 'deadline_exceeded', 'canceled'])

/** Nothing is wrong with the commit: the writer cannot be reached. */
const notDone: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'no_responders',
  'not_leader',
  'out_of_order',
  'overloaded',
  'rate_limited',
  'unavailable',
  'unauthenticated',
  'token_invalid',
  'token_expired',
  'token_revoked',
])

/** The idempotency key of the commit of an occurrence: however often it is tried, and by whomever, there is one commit. */
export function occurrenceKey({ scheduleId, nominalUs, run }: Occasion['occurrence']): string {
  return `${occurrenceKeyPrefix}${scheduleId}:${nominalUs}:${run}`
}

/**
 * What a commit that failed means for its attempt.
 *
 * @param attempt its number, from 1
 */
export function outcomeOfFailure(error: unknown, attempt: number): ActionOutcome {
  if (!isQError(error)) throw error
  const text = `${error.code}: ${error.message}`
  if (inDoubt.has(error.code)) return { kind: 'postponed', error: text, inDoubt: true }
  if (notDone.has(error.code)) return { kind: 'postponed', error: text, inDoubt: false }
  // The key is the occurrence's own: an earlier attempt made the commit, and then the schedule was changed.
  if (error.code === 'idempotency_key_reused' && attempt > 1) {
    return { kind: 'done', result: 'an earlier attempt did it, as the schedule was then' }
  }
  // A fault of the platform may pass.
  if (error.code === 'internal') return { kind: 'failed', error: text }
  return { kind: 'failed', error: text, finally: 'refused' }
}
