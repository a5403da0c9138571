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
/** Nothing more is claimed while so many that are over wait to be recorded. */
const mostRecording = 1_000
/** Time between looks for something due that was not known of before. */
const pollMs = 200
/** Time before PostgreSQL is asked again that could not be reached. */
const retryMs = 500
/** Room for fewer is not worth a claim yet, but for no longer than this, in milliseconds. */
const worthShare = 0.25
const mostWorth = 64
const worthMs = 5
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
  /** Whether the last claim took all that it could: there is more then. */
  #wasFull = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#carrier = new Carrier({ ...options, onActed: () => this.#freed?.() })
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
    const { pool, instanceId, leaseMs } = this.#options
    await this.#untilRoom()
    if (this.#stop.signal.aborted) return 0
    const limit = Math.min(mostClaimed, this.#room)
    if (!this.#wasFull) {
      const { nowUs, wakeUs } = await readNextWake(pool)
      if (wakeUs === null) return pollMs
      if (wakeUs > nowUs) return Math.min(Math.max((wakeUs - nowUs) / 1_000, leastWaitMs), pollMs)
    }
    const claim = randomUUID()
    const claimedAt = performance.now()
    const rows = await claimOccurrences(pool, { claim, scheduler: instanceId, leaseMs, limit })
    failpoint('scheduler.after_claim')
    this.#wasFull = rows.length === limit
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

  /** How many more may be claimed. What waits for its target, or to be recorded, takes no place, but memory. */
  get #room(): number {
    const { concurrency, gate } = this.#options
    const { recording } = this.#carrier
    const acting = this.#running.size - gate.waiting - recording
    return Math.min(concurrency - acting, mostRecording - recording, gate.waitingRoom)
  }

  /** Waits until there is room for so many that a claim is worth its statements; if there is some, only for a moment. */
  async #untilRoom(): Promise<void> {
    const worth = Math.min(mostWorth, Math.ceil(this.#options.concurrency * worthShare))
    if (this.#room >= worth) return
    const { promise, resolve } = Promise.withResolvers<void>()
    let timer: NodeJS.Timeout | undefined
    this.#freed = () => {
      if (this.#room >= worth || this.#stop.signal.aborted) resolve()
      else if (this.#room > 0) timer ??= setTimeout(resolve, worthMs)
    }
    this.#freed()
    await promise
    clearTimeout(timer)
    this.#freed = undefined
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
