import { create } from '@bufbuild/protobuf'
import {
  CommitManyRequestSchema,
  CommitService,
  type CommitOutcome,
  type CommitRequest,
  type CommitResponse,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { canceled } from '../calls/backoff.ts'
import { BatchSignal } from '../calls/batch-signal.ts'
import { blamedPart, errorOfPart, isRefusedForContent } from '../calls/blame.ts'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { errorFromProblem } from '../calls/problem.ts'
import { verdictOf } from '../calls/retry.ts'
import { atEndOfTick } from '../calls/tick.ts'
import { commitBytes } from './commit-size.ts'

/** The most commits that a request may have. */
const commitsPerRequest = 1_000
/** Keeps a request below what NATS carries, with room for headers and encoding. */
const bytesPerRequest = 700_000

/** A commit on its way. */
interface Pending {
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

type Ready = Pending & { message: CommitRequest }

/**
 * Sends commits in the order in which they were made: those of one tick, and all that gathered while the request before
 * was on its way, in one request. Only one is on its way at a time, because a second could overtake it when the writer
 * changes.
 */
export class CommitBatcher {
  readonly #caller: Caller
  readonly #queue: Pending[] = []
  #isScheduled = false
  #isSending = false

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** Makes a commit. One whose message is still a promise holds back those after it. */
  commit(commit: Promise<CommitRequest> | CommitRequest, options: CallOptions): Promise<CommitResponse> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs = this.#caller.timeoutMs } = options
      const hasOwnDeadline = timeoutMs !== this.#caller.timeoutMs
      const pending: Pending = {
        commit,
        message: commit instanceof Promise ? undefined : commit,
        bytes: commit instanceof Promise ? 0 : commitBytes(commit),
        deadlineAt: performance.now() + timeoutMs,
        settled: false,
        batch: undefined,
        canGiveUp: signal !== undefined || hasOwnDeadline,
        resolve,
        reject,
      }
      this.#queue.push(pending)
      if (commit instanceof Promise) this.#awaitMessage(pending, commit)
      if (pending.canGiveUp) giveUpWhen(pending, signal, hasOwnDeadline ? timeoutMs : undefined)
      this.#schedule()
    })
  }

  #awaitMessage(pending: Pending, commit: Promise<CommitRequest>): void {
    commit.then(
      (message) => {
        pending.message = message
        pending.bytes = commitBytes(message)
        this.#schedule()
      },
      (error: unknown) => {
        settle(pending, () => pending.reject(error))
        this.#schedule()
      },
    )
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isSending) return
    this.#isScheduled = true
    atEndOfTick(() => {
      this.#isScheduled = false
      void this.#sendNext()
    })
  }

  async #sendNext(): Promise<void> {
    const batch = this.#takeBatch()
    if (batch.length === 0) return
    this.#isSending = true
    await this.#send(batch)
    this.#isSending = false
    if (this.#queue.length > 0) this.#schedule()
  }

  /** The next commits that are ready, as many as a request holds. */
  #takeBatch(): Ready[] {
    const batch: Ready[] = []
    let bytes = 0
    let taken = 0
    for (const pending of this.#queue) {
      if (!pending.settled) {
        if (!isReady(pending) || batch.length === commitsPerRequest) break
        if (batch.length > 0 && bytes + pending.bytes > bytesPerRequest) break
        batch.push(pending)
        bytes += pending.bytes
      }
      taken += 1
    }
    this.#queue.splice(0, taken)
    return batch
  }

  /** Sends commits and settles all of them. */
  async #send(pendings: readonly Ready[]): Promise<void> {
    let open = pendings
    const canGiveUp = pendings.some((pending) => pending.canGiveUp)
    const batch = new BatchSignal(this.#caller.closed, pendings.length, canGiveUp)
    for (const pending of pendings) pending.batch = batch
    const deadlineAt = pendings.reduce((latest, pending) => Math.max(latest, pending.deadlineAt), 0)
    try {
      await this.#caller.retry(
        async (timeoutMs, signal) => {
          const outcomes = await this.#attempt(open, { timeoutMs, signal })
          const retry = settleOutcomes(open, outcomes)
          open = retry.pendings
          if (retry.error !== undefined) throw retry.error
        },
        { deadlineAt, signal: batch.signal, isRead: false },
      )
    } catch (error) {
      await this.#recover(error, open)
    } finally {
      batch.release()
    }
  }

  async #attempt(
    pendings: readonly Ready[],
    call: { timeoutMs: number; signal: AbortSignal },
  ): Promise<readonly CommitOutcome[]> {
    const request = create(CommitManyRequestSchema)
    request.commits = pendings.map(({ message }) => message)
    return (await this.#caller.attempt(CommitService.method.commitMany, request, call)).outcomes
  }

  /** One malformed commit is not the others' fault: they are sent again without it, in their order. */
  async #recover(error: unknown, pendings: readonly Ready[]): Promise<void> {
    if (pendings.length === 1 || !(error instanceof QError) || !isRefusedForContent(error)) {
      const own = error instanceof QError ? errorOfPart(error, 'commits') : error
      for (const pending of pendings) settle(pending, () => pending.reject(own))
      return
    }
    const blamed = blamedPart(error, 'commits')
    const culprit = blamed === undefined ? undefined : pendings[blamed]
    if (culprit !== undefined) settle(culprit, () => culprit.reject(errorOfPart(error, 'commits')))
    const others = pendings.filter((pending) => pending !== culprit)
    const middle = culprit === undefined ? Math.ceil(others.length / 2) : others.length
    for (const part of [others.slice(0, middle), others.slice(middle)]) {
      if (part.length > 0) await this.#send(part)
    }
  }
}

function isReady(pending: Pending): pending is Ready {
  return pending.message !== undefined
}

function settle(pending: Pending, action: () => void): void {
  if (pending.settled) return
  pending.settled = true
  action()
}

/** Settles what has a lasting outcome; returns what was refused for the moment, and why. */
function settleOutcomes(
  pendings: readonly Ready[],
  outcomes: readonly CommitOutcome[],
): { pendings: readonly Ready[]; error: QError | undefined } {
  const again: Ready[] = []
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
function giveUpWhen(pending: Pending, signal: AbortSignal | undefined, timeoutMs: number | undefined): void {
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

function tooLate(pending: Pending): QError {
  return pending.batch === undefined
    ? new QError('deadline_exceeded', 'the commit was not sent in time; nothing was done')
    : new QError('outcome_unknown', 'the commit was sent, and its outcome was not known in time')
}
