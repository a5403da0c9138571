import { QError, type ErrorCode } from '@qcore/errors'
import { backoffMs, canceled, pause } from './backoff.ts'

/**
 * How long the first attempt waits for its answer; each further one waits twice as long. An answer that was lost with
 * the process that owed it is so noticed well before the call's deadline.
 */
const firstAttemptMs = 2_000

/** What an error says about what was done. */
export type Verdict =
  /** Nothing was done, and it may work in a moment. */
  | 'not_done'
  /** It may have been done; it may be sent again if twice is as good as once. */
  | 'in_doubt'
  /** Nothing was done, and another token is needed. */
  | 'token'
  | 'final'

const verdicts: Partial<Record<ErrorCode, Verdict>> = {
  no_responders: 'not_done',
  not_leader: 'not_done',
  out_of_order: 'not_done',
  overloaded: 'not_done',
  rate_limited: 'not_done',
  unavailable: 'not_done',
  outcome_unknown: 'in_doubt',
  deadline_exceeded: 'in_doubt',
  unauthenticated: 'token',
  token_invalid: 'token',
  token_expired: 'token',
}

export function verdictOf(error: QError): Verdict {
  return verdicts[error.code] ?? 'final'
}

export interface RetryOptions {
  /** When the call has to be over, on the clock of `performance.now()`. */
  deadlineAt: number
  signal: AbortSignal
  /** Whether the call changes nothing. */
  isRead: boolean
  /** Whether it may be made again when an attempt may have been carried out. */
  isRepeatable: boolean
  /** Gets another token; false if there is none. */
  renewToken: () => boolean
}

/**
 * Calls until it works, until an error is final, or until the deadline. The error then says what is known: of a call
 * that may have been carried out it is `outcome_unknown`. An attempt at what must not be repeated may take all the time.
 */
export async function retrying<T>(
  attempt: (timeoutMs: number) => Promise<T>,
  { deadlineAt, signal, isRead, isRepeatable, renewToken }: RetryOptions,
): Promise<T> {
  let inDoubt = false
  let last: QError | undefined
  let renewed = false
  for (let failures = 1; ; failures += 1) {
    const leftMs = deadlineAt - performance.now()
    if (leftMs <= 0) throw settled(last ?? new QError('deadline_exceeded', 'no time was left to call'), inDoubt)
    const attemptMs = isRepeatable ? Math.min(leftMs, firstAttemptMs * 2 ** (failures - 1)) : leftMs
    try {
      return await attempt(Math.ceil(attemptMs))
    } catch (error) {
      if (signal.aborted) throw canceled(signal)
      if (!(error instanceof QError)) throw error
      const verdict = verdictOf(error)
      if (verdict === 'final') throw error
      last = error
      if (verdict === 'in_doubt') {
        inDoubt = !isRead
        if (!isRepeatable) throw settled(error, inDoubt)
      }
      if (verdict === 'token') {
        if (renewed || !renewToken()) throw settled(error, inDoubt)
        renewed = true
        continue
      }
      const pauseMs = Math.max(backoffMs(failures), retryAfterMs(error))
      if (performance.now() + pauseMs >= deadlineAt) throw settled(error, inDoubt)
      await pause(pauseMs, signal)
    }
  }
}

/** How long a gateway that limits the rate wants to be left alone. */
function retryAfterMs({ metadata }: QError): number {
  const seconds = Number(metadata['retry_after_seconds'])
  return Number.isFinite(seconds) ? seconds * 1_000 : 0
}

function settled(error: QError, inDoubt: boolean): QError {
  if (!inDoubt) return error
  return new QError('outcome_unknown', `the call was sent and its outcome is not known: ${error.message}`, {
    cause: error,
  })
}
