import type { PoolClient } from '@qcore/database'
import { QError } from '@qcore/errors'
import { notLeader } from '../commit/commit-queue.ts'
import type { AppliedFacts } from './sql/restores.ts'

/** A restore that is to be applied. */
export interface PendingRestore {
  readonly id: string
  readonly expectedRevision: number | undefined
  /** Who restores. */
  readonly caller: string
  /** For the transaction; whoever asked gives it back. */
  readonly connection: PoolClient
  settle(outcome: AppliedFacts | QError): void
}

/** Restores that wait to be applied. Open while this writer leads. */
export class RestoreDesk {
  #waiting: PendingRestore[] = []
  #interruption = new AbortController()
  #isOpen = false

  /** Aborted while a restore waits: no further commits are begun then. */
  get interruption(): AbortSignal {
    return this.#interruption.signal
  }

  open(): void {
    this.#isOpen = true
  }

  /** Refuses what waits, and what comes. */
  close(): void {
    this.#isOpen = false
    for (let pending = this.take(); pending !== undefined; pending = this.take()) pending.settle(notLeader())
  }

  /** Resolves when the restore was applied. Throws QError. */
  async apply(restore: Omit<PendingRestore, 'settle'>): Promise<AppliedFacts> {
    if (!this.#isOpen) throw notLeader()
    return new Promise((resolve, reject) => {
      const settle = (outcome: AppliedFacts | QError): void => {
        if (outcome instanceof QError) reject(outcome)
        else resolve(outcome)
      }
      this.#waiting.push({ ...restore, settle })
      this.#interruption.abort()
    })
  }

  take(): PendingRestore | undefined {
    const pending = this.#waiting.shift()
    if (this.#waiting.length === 0 && this.#interruption.signal.aborted) this.#interruption = new AbortController()
    return pending
  }
}
