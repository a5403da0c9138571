import { QError } from '@qcore/errors'
import type { PendingCommit } from './pending-commit.ts'

export interface QueueLimits {
  /** Commits that wait at most. */
  readonly mostCommits: number
  /** Bytes that they take at most. */
  readonly mostBytes: number
}

/** The commits that wait for the next group, in the order in which they came. Open while this writer leads. */
export class CommitQueue {
  readonly #limits: QueueLimits
  #waiting: PendingCommit[] = []
  #bytes = 0
  #heldCommits = 0
  #heldBytes = 0
  #isOpen = false
  #wake: (() => void) | undefined

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /** Commits that wait, those that are held included. */
  get length(): number {
    return this.#waiting.length + this.#heldCommits
  }

  /** Whether no commit waits but those that are held. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  open(): void {
    this.#isOpen = true
  }

  /** Refuses what waits, and what comes. None of it was begun. */
  close(): void {
    this.#isOpen = false
    this.#bytes = 0
    for (const commit of this.#waiting.splice(0)) commit.settle(notLeader())
    this.#wake?.()
  }

  /**
   * Lets commits wait, all or none of them.
   *
   * @throws QError `not_leader`, `overloaded`
   */
  push(commits: readonly PendingCommit[]): void {
    if (!this.#isOpen) throw notLeader()
    const bytes = commits.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const { mostCommits, mostBytes } = this.#limits
    const waitingBytes = this.#bytes + this.#heldBytes
    if (this.length + commits.length > mostCommits || (waitingBytes > 0 && waitingBytes + bytes > mostBytes)) {
      throw new QError('overloaded', 'the queue of the writer is full')
    }
    for (const commit of commits) this.#waiting.push(commit)
    this.#bytes += bytes
    this.#wake?.()
  }

  /** Puts commits that were not begun back to where they came from. */
  putBack(commits: readonly PendingCommit[]): void {
    if (commits.length === 0) return
    if (!this.#isOpen) {
      for (const commit of commits) commit.settle(notLeader())
      return
    }
    this.#waiting = [...commits, ...this.#waiting]
    for (const { sizeBytes } of commits) this.#bytes += sizeBytes
  }

  /** Whether a commit is the oldest that waits. */
  isNext(commit: PendingCommit): boolean {
    return this.#waiting[0] === commit
  }

  /**
   * Takes the oldest commits, up to the first that is not accepted, to be prepared while others are in flight. They count
   * as waiting until `releaseHeld`.
   */
  hold(most: number, accept: (commit: PendingCommit) => boolean): PendingCommit[] {
    const refused = this.#waiting.findIndex((commit) => !accept(commit))
    const held = this.take(refused === -1 ? most : Math.min(most, refused))
    this.#heldCommits += held.length
    for (const { sizeBytes } of held) this.#heldBytes += sizeBytes
    return held
  }

  /** Those that were held have left, or were put back. */
  releaseHeld(): void {
    this.#heldCommits = 0
    this.#heldBytes = 0
  }

  /** Takes the oldest commits, at most `most`, without those that are to be left undone. */
  take(most: number): PendingCommit[] {
    const taken: PendingCommit[] = []
    for (const commit of this.#waiting.splice(0, most)) {
      this.#bytes -= commit.sizeBytes
      if (commit.signal?.aborted === true)
        commit.settle(new QError('canceled', 'the call ended before the commit began'))
      else taken.push(commit)
    }
    return taken
  }

  /**
   * Resolves when a commit waits, or at once when the signal is aborted. What arrives in the same chunk from NATS as the
   * commit is then there too.
   */
  async waitForCommit(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length > 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      const onAbort = (): void => {
        this.#wake = undefined
        resolve()
      }
      this.#wake = () => {
        this.#wake = undefined
        signal.removeEventListener('abort', onAbort)
        setImmediate(resolve)
      }
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

/** What a writer answers that does not lead. */
export function notLeader(): QError {
  return new QError('not_leader', 'this writer does not hold the lease')
}
