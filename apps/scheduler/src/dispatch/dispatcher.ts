import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from '@qcore/database'
import { failpoint, type Logger } from '@qcore/service'
import type { ActionCase, ActionRunner } from '../action/action.ts'
import type { DueNotices } from '../action/due-notices.ts'
import { schedulerMetrics } from '../metrics.ts'
import { claimOccurrences, type ClaimedRow } from '../sql/claim-occurrences.ts'
import { readNextWake } from '../sql/next-wake.ts'
import { Carrier } from './carrier.ts'
import type { FailureKeeper } from './failure-keeper.ts'
import type { TargetGate } from './target-gate.ts'

/** Occurrences of one claim at most. */
const mostClaimed = 500
/** Time between looks for something due that was not known of before. */
const pollMs = 200
/** Time before PostgreSQL is asked again that could not be reached. */
const retryMs = 500
/** What is under way when the scheduler stops has so much time to end by itself. */
const drainMs = 3_000
/** A claim that is this close to now is waited for at full speed. */
const leastWaitMs = 1

export interface DispatcherOptions {
  readonly pool: Pool
  readonly logger: Logger
  readonly instanceId: string
  readonly concurrency: number
  readonly leaseMs: number
  readonly failures: FailureKeeper
  readonly gate: TargetGate
  readonly notices: DueNotices
  readonly runners: Readonly<Record<ActionCase, ActionRunner>>
}

/** Claims occurrences that are due, in due order, and has them carried out. Any number may run. */
export class Dispatcher implements AsyncDisposable {
  readonly #options: DispatcherOptions
  readonly #carrier: Carrier
  readonly #stop = new AbortController()
  readonly #run: Promise<void>
  readonly #running = new Set<Promise<void>>()
  #freed: (() => void) | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#carrier = new Carrier(options)
    this.#run = this.#keepDispatching()
  }

  /** Claims nothing more, and waits for what is under way; what takes long is cut off. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#freed?.()
    await this.#run
    const cut = setTimeout(() => this.#carrier.stop(), drainMs)
    await Promise.all(this.#running)
    clearTimeout(cut)
  }

  async #keepDispatching(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const waitMs = await this.#dispatchSome()
        if (waitMs > 0) await this.#pause(waitMs)
      } catch (error) {
        this.#options.logger.warn({ err: error }, 'cannot claim occurrences')
        await this.#pause(retryMs)
      }
    }
  }

  /** Claims once. Returns how long to wait before the next time. */
  async #dispatchSome(): Promise<number> {
    const { pool, concurrency, leaseMs } = this.#options
    const limit = Math.min(mostClaimed, concurrency - this.#running.size)
    if (limit <= 0) {
      await this.#untilFreed()
      return 0
    }
    const { nowUs, wakeUs } = await readNextWake(pool)
    if (wakeUs === null) return pollMs
    if (wakeUs > nowUs) return Math.min(Math.max((wakeUs - nowUs) / 1_000, leastWaitMs), pollMs)
    const claim = randomUUID()
    const claimedAt = performance.now()
    const rows = await claimOccurrences(pool, { claim, leaseMs, limit })
    failpoint('scheduler.after_claim')
    for (const row of rows) this.#start(row, claim, claimedAt)
    return rows.length === 0 ? leastWaitMs : 0
  }

  #start(row: ClaimedRow, claim: string, claimedAt: number): void {
    const carried = this.#carrier
      .carry(row, claim, claimedAt)
      .catch((error: unknown) => {
        this.#options.logger.warn({ err: error, occurrence: row.id }, 'an occurrence waits for its lease to end')
      })
      .finally(() => {
        this.#running.delete(carried)
        schedulerMetrics.running.set(this.#running.size)
        this.#freed?.()
      })
    this.#running.add(carried)
    schedulerMetrics.running.set(this.#running.size)
  }

  #untilFreed(): Promise<void> {
    return new Promise((resolve) => {
      this.#freed = () => {
        this.#freed = undefined
        resolve()
      }
    })
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
