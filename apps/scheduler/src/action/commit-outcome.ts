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
])

/** The idempotency key of the commit of an occurrence: however often it is tried, and by whomever, there is one commit. */
export function occurrenceKey({ scheduleId, nominalUs, run }: Occasion['occurrence']): string {
  return `schedule:${scheduleId}:${nominalUs}:${run}`
}

/** What a commit that failed means for its attempt. */
export function outcomeOfFailure(error: unknown): ActionOutcome {
  if (!isQError(error)) throw error
  const text = `${error.code}: ${error.message}`
  if (inDoubt.has(error.code)) return { kind: 'postponed', error: text, inDoubt: true }
  if (notDone.has(error.code)) return { kind: 'postponed', error: text, inDoubt: false }
  return { kind: 'failed', error: text, finally: 'refused' }
}
