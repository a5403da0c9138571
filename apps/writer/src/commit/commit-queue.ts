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
  #isOpen = false
  #wake: (() => void) | undefined

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#waiting.length
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
    if (this.#waiting.length + commits.length > mostCommits || (this.#bytes > 0 && this.#bytes + bytes > mostBytes)) {
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

  /** Takes the oldest commits, at most `most`, without those that nobody waits for any more. */
  take(most: number): PendingCommit[] {
    const taken: PendingCommit[] = []
    for (const commit of this.#waiting.splice(0, most)) {
      this.#bytes -= commit.sizeBytes
      if (commit.signal.aborted) commit.settle(new QError('canceled', 'the call ended before the commit began'))
      else taken.push(commit)
    }
    return taken
  }

  /**
   * Resolves when a commit waits, or the signal is aborted. What arrives in the same chunk from NATS is then there
   * too.
   */
  async waitForCommit(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length > 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#wake = undefined
        signal.removeEventListener('abort', wake)
        setImmediate(resolve)
      }
      this.#wake = wake
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}

/** What a writer answers that does not lead. */
export function notLeader(): QError {
  return new QError('not_leader', 'this writer does not hold the lease')
}
