import type { CommitOutcome, CommitRequest, CommitResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { canceled } from '../calls/backoff.ts'
import type { BatchSignal } from '../calls/batch-signal.ts'
import { errorOfPart } from '../calls/blame.ts'
import { errorFromProblem } from '../calls/problem.ts'
import { verdictOf } from '../calls/retry.ts'

/** A commit on its way. */
export interface PendingCommit {
  readonly commit: Promise<CommitRequest> | CommitRequest
  message: CommitRequest | undefined
  bytes: number
  readonly deadlineAt: number
  settled: boolean
  /** Set while the commit is in a request. */
  batch: BatchSignal | undefined
  readonly canGiveUp: boolean
  resolve: (response: CommitResponse) => void
  reject: (error: unknown) => void
}

/** One whose message is there. */
export type ReadyCommit = PendingCommit & { message: CommitRequest }

/** Whether the message of a commit is there. */
export function isReady(pending: PendingCommit): pending is ReadyCommit {
  return pending.message !== undefined
}

/** Settles a commit, once. */
export function settle(pending: PendingCommit, action: () => void): void {
  if (pending.settled) return
  pending.settled = true
  action()
}

/** Settles what has a lasting outcome; returns what was refused for the moment, and why. */
export function settleOutcomes(
  pendings: readonly ReadyCommit[],
  outcomes: readonly CommitOutcome[],
): { pendings: readonly ReadyCommit[]; error: QError | undefined } {
  const again: ReadyCommit[] = []
  let reason: QError | undefined
  pendings.forEach((pending, index) => {
    const outcome = outcomes[index]?.outcome
    if (outcome?.case === 'response') {
      settle(pending, () => pending.resolve(outcome.value))
      return
    }
    const error =
      outcome?.case === 'problem'
        ? errorOfPart(errorFromProblem(outcome.value), 'commits')
        : new QError('outcome_unknown', 'the answer has too few outcomes')
    if (verdictOf(error) === 'final') {
      settle(pending, () => pending.reject(error))
    } else {
      again.push(pending)
      reason ??= error
    }
  })
  return { pendings: again, error: reason }
}

/** Rejects a commit when its caller gives up; what is known of it depends on whether it was sent. */
export function giveUpWhen(
  pending: PendingCommit,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): void {
  const { resolve, reject } = pending
  const giveUp = (error: QError): void => {
    settle(pending, () => {
      pending.batch?.giveUp()
      pending.reject(error)
    })
  }
  const onAbort = (): void => {
    if (signal !== undefined) giveUp(canceled(signal))
  }
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => giveUp(tooLate(pending)), timeoutMs)
  const release = (): void => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
  pending.resolve = (response) => {
    release()
    resolve(response)
  }
  pending.reject = (error) => {
    release()
    reject(error)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
}

function tooLate(pending: PendingCommit): QError {
  return pending.batch === undefined
    ? new QError('deadline_exceeded', 'the commit was not sent in time; nothing was done')
    : new QError('outcome_unknown', 'the commit was sent, and its outcome was not known in time')
}
