import { AttemptOutcome } from '@qcore/contracts'
import type { ActionOutcome } from '../action/action.ts'
import { occurrenceState, type OccurrenceReason } from '../occurrence-state.ts'
import type { ScheduleSettings } from '../schedule-settings.ts'
import type { Settlement } from '../sql/settle-occurrences.ts'

/** The most that is kept of an error, and of what an action answered, in characters. */
const mostTextLength = 1_024
/** The first and the longest wait for a platform that was not there. */
const firstPostponeMs = 250
const mostPostponeMs = 60_000
/** Waits differ by up to so much of themselves, so that not all come back at once. */
const jitterShare = 0.2

/** What tells an attempt that has ended from others. */
export interface EndedAttempt {
  readonly occurrenceId: string
  readonly claim: string
  /** Its number of all, and among those that count. */
  readonly number: number
  readonly tries: number
}

/** What becomes of an occurrence after an attempt. */
export function settlementOf(
  { occurrenceId, claim, number, tries }: EndedAttempt,
  outcome: ActionOutcome,
  settings: ScheduleSettings,
): Settlement {
  const base = { occurrenceId, claim, attempt: number, statusCode: 0, result: '', error: '', tries: 0, waitMs: 0 }
  if (outcome.kind === 'postponed') {
    const waitMs = jittered(Math.min(firstPostponeMs * 2 ** Math.min(number - 1, 20), mostPostponeMs))
    const error = keptText(outcome.error)
    // What may have been done is not withdrawn: it stays under way until that is known.
    const [state, how] = outcome.inDoubt
      ? [occurrenceState.running, AttemptOutcome.LOST]
      : [occurrenceState.pending, AttemptOutcome.FAILED]
    return { ...base, state, reason: '', error, outcome: how, waitMs, tries: -1 }
  }
  const answer = { statusCode: outcome.statusCode ?? 0, result: keptText(outcome.result ?? '') }
  if (outcome.kind === 'done') {
    return { ...base, ...answer, state: occurrenceState.completed, reason: '', outcome: AttemptOutcome.SUCCEEDED }
  }
  const failed = { ...base, ...answer, error: keptText(outcome.error), outcome: AttemptOutcome.FAILED }
  const reason = finalReason(outcome.finally, tries >= settings.maxAttempts)
  if (reason !== undefined) return { ...failed, state: occurrenceState.failed, reason }
  const backoffMs = jittered(Math.min(settings.backoffMs * 2 ** Math.min(tries - 1, 30), settings.maxBackoffMs))
  return {
    ...failed,
    state: occurrenceState.pending,
    reason: '',
    waitMs: Math.max(backoffMs, outcome.retryAfterMs ?? 0),
  }
}

/** What becomes of an occurrence that is not carried out. */
export function unattempted(
  occurrenceId: string,
  claim: string,
  {
    state,
    reason = '',
    error = '',
    waitMs = 0,
  }: { state: number; reason?: OccurrenceReason; error?: string; waitMs?: number },
): Settlement {
  const nothing = { attempt: 0, outcome: AttemptOutcome.LOST, statusCode: 0, result: '', tries: 0 }
  return { occurrenceId, claim, state, reason, error, waitMs, ...nothing }
}

function finalReason(named: 'refused' | 'gone' | undefined, wasLast: boolean): OccurrenceReason | undefined {
  return named ?? (wasLast ? 'attempts' : undefined)
}

function jittered(ms: number): number {
  return ms * (1 + jitterShare * (Math.random() - 0.5))
}

/** PostgreSQL's text has no NUL, and no half of a character. */
function keptText(text: string): string {
  return text.slice(0, mostTextLength).replaceAll('\0', '\uFFFD').toWellFormed()
}
