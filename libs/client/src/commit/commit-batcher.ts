import { create } from '@bufbuild/protobuf'
import {
  CommitManyRequestSchema,
  CommitService,
  type CommitOutcome,
  type CommitRequest,
  type CommitResponse,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { BatchSignal } from '../calls/batch-signal.ts'
import { blamedPart, errorOfPart, isRefusedForContent } from '../calls/blame.ts'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { atEndOfTick } from '../calls/tick.ts'
import { commitBytes } from './commit-size.ts'
import { giveUpWhen, isReady, settle, settleOutcomes, type PendingCommit, type ReadyCommit } from './pending-commit.ts'
import { RequestTurns, type RequestTurn } from './request-turns.ts'

/** The most commits that a request may have. */
const commitsPerRequest = 1_000
/** Keeps a request below what NATS carries, with room for headers and encoding. */
const bytesPerRequest = 700_000
/** Fewer mutations wait for the answer to the request before, rather than make one of their own. */
const mutationsWorthARequest = 64

/**
 * Sends commits in the order in which they were made: those of one tick, and all that gathered while requests were on
 * their way, in one request. When there is much to send, two requests are on their way at a time, so that the writer
 * prepares one while PostgreSQL has the other; the writer refuses the second if the first was lost.
 */
export class CommitBatcher {
  readonly #caller: Caller
  readonly #queue: PendingCommit[] = []
  readonly #turns: RequestTurns
  #isScheduled = false

  /** @param mostOnTheirWay requests at a time; more than one only where they arrive in the order in which they are sent */
  constructor(caller: Caller, mostOnTheirWay: number) {
    this.#caller = caller
    this.#turns = new RequestTurns(mostOnTheirWay)
  }

  /** Makes a commit. One whose message is still a promise holds back those after it. */
  commit(commit: Promise<CommitRequest> | CommitRequest, options: CallOptions): Promise<CommitResponse> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs = this.#caller.timeoutMs } = options
      const hasOwnDeadline = timeoutMs !== this.#caller.timeoutMs
      const pending: PendingCommit = {
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

  #awaitMessage(pending: PendingCommit, commit: Promise<CommitRequest>): void {
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
    if (this.#isScheduled || !this.#turns.isFree) return
    this.#isScheduled = true
    atEndOfTick(() => {
      this.#isScheduled = false
      void this.#sendNext()
    })
  }

  async #sendNext(): Promise<void> {
    const batch = this.#takeBatch()
    if (batch.length === 0) return
    const turn = this.#turns.begin()
    if (this.#queue.length > 0) this.#schedule()
    await this.#send(turn, batch)
    this.#turns.end(turn)
    if (this.#queue.length > 0) this.#schedule()
  }

  /** The next commits that are ready, as many as a request should have; none if it is better to wait. */
  #takeBatch(): ReadyCommit[] {
    const ready = this.#readyCommits()
    const mutations = ready.reduce((sum, commit) => sum + weightOf(commit), 0)
    let most = mutations
    if (this.#turns.canShare && mutations >= 2 * mutationsWorthARequest) most = Math.ceil(mutations / 2)
    if (!this.#turns.isIdle && mutations < mutationsWorthARequest) return []
    let taken = 0
    for (let sum = 0; sum < most; taken++) {
      const commit = ready[taken]
      if (commit === undefined) break
      sum += weightOf(commit)
    }
    const batch = ready.slice(0, taken)
    const last = batch.at(-1)
    this.#queue.splice(0, last === undefined ? 0 : this.#queue.indexOf(last) + 1)
    return batch
  }

  /** The commits at the head of the queue that go into one request, without those that nobody waits for any more. */
  #readyCommits(): ReadyCommit[] {
    const ready: ReadyCommit[] = []
    let bytes = 0
    for (const pending of this.#queue) {
      if (pending.settled) continue
      if (!isReady(pending) || ready.length === commitsPerRequest) break
      if (ready.length > 0 && bytes + pending.bytes > bytesPerRequest) break
      ready.push(pending)
      bytes += pending.bytes
    }
    return ready
  }

  /** Sends commits and settles all of them. */
  async #send(turn: RequestTurn, pendings: readonly ReadyCommit[]): Promise<void> {
    let open = pendings
    const canGiveUp = pendings.some((pending) => pending.canGiveUp)
    const batch = new BatchSignal(this.#caller.closed, pendings.length, canGiveUp)
    for (const pending of pendings) pending.batch = batch
    const isRepeatable = pendings.every(({ message }) => message.idempotencyKey !== '')
    const deadlineAt = pendings.reduce((latest, pending) => Math.max(latest, pending.deadlineAt), 0)
    try {
      await this.#caller.retry(
        async (timeoutMs, signal) => {
          const outcomes = await this.#attempt(turn, open, { timeoutMs, signal })
          const retry = settleOutcomes(open, outcomes)
          open = retry.pendings
          if (retry.error !== undefined) throw retry.error
        },
        { deadlineAt, signal: batch.signal, isRead: false, isRepeatable },
      )
    } catch (error) {
      await this.#recover(turn, error, open)
    } finally {
      batch.release()
    }
  }

  async #attempt(
    turn: RequestTurn,
    pendings: readonly ReadyCommit[],
    call: { timeoutMs: number; signal: AbortSignal },
  ): Promise<readonly CommitOutcome[]> {
    const request = create(CommitManyRequestSchema)
    request.commits = pendings.map(({ message }) => message)
    Object.assign(request, await turn.next())
    return (await this.#caller.attempt(CommitService.method.commitMany, request, call)).outcomes
  }

  /** One malformed commit is not the others' fault: they are sent again without it, in their order. */
  async #recover(turn: RequestTurn, error: unknown, pendings: readonly ReadyCommit[]): Promise<void> {
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
      if (part.length > 0) await this.#send(turn, part)
    }
  }
}

/** In mutations. A commit without any is sent as well: the writer refuses it. */
function weightOf({ message }: ReadyCommit): number {
  return Math.max(1, message.mutations.length)
}
