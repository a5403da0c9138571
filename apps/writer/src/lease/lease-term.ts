import { endEpoch, renewLease, takeLease, type Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { CommitClock } from './commit-clock.ts'

export interface LeaseOptions {
  readonly executor: Executor
  readonly logger: Logger
  /** The instance that holds the lease. */
  readonly holder: string
  /** How long a lease lasts. */
  readonly leaseMs: number
  /** Time between renewals. */
  readonly renewMs: number
  /** How long before its end nothing is begun any more. */
  readonly marginMs: number
}

/** Time before a renewal that failed is tried again. */
const retryMs = 250

/**
 * Who may hold the lease without a term of it: PostgreSQL did not answer a request, so that it may have granted it, or may
 * yet do so; or it was not told that the term has ended.
 */
const mayHold = new WeakSet<LeaseOptions>()

/** What came of asking for the lease. */
export interface LeaseRequest {
  /** Undefined if somebody else holds it. */
  readonly term: LeaseTerm | undefined
  /** For how long it is still held by somebody else, if that one does not renew it. */
  readonly leftMs: number
}

/** Why a term ended. */
export type TermEnd = 'deposed' | 'expired' | 'closed'

/**
 * A lease that is held, and renewed until it is lost. Granted on PostgreSQL's clock, limited on this process's own
 * monotonic one: nothing is begun later than `leaseMs - marginMs` after the last renewal was sent.
 */
export class LeaseTerm implements AsyncDisposable {
  readonly epoch: number
  readonly clock = new CommitClock()
  readonly #options: LeaseOptions
  readonly #ended = new AbortController()
  #limitMs: number
  #renewal: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined
  /** Whether a transaction holds the head row, and with it the lease. */
  #isHeld = false

  /** Takes the lease, if nobody holds it, or this instance without a term. */
  static async take(options: LeaseOptions): Promise<LeaseRequest> {
    const { executor, holder, leaseMs } = options
    const orOwn = mayHold.has(options)
    mayHold.add(options)
    const sentMs = performance.now()
    const { taken, leftMs } = await takeLease(executor, { holder, leaseMs, orOwn })
    if (taken !== undefined || !orOwn) mayHold.delete(options)
    if (taken === undefined) return { term: undefined, leftMs }
    const term = new LeaseTerm(options, taken.epoch, sentMs)
    term.clock.observe(taken.nowUs, sentMs, performance.now())
    return { term, leftMs: 0 }
  }

  private constructor(options: LeaseOptions, epoch: number, sentMs: number) {
    this.#options = options
    this.epoch = epoch
    this.#limitMs = sentMs
    this.#extend(sentMs)
    this.#scheduleRenewal(options.renewMs)
  }

  /** Aborted when the term has ended; the reason is a TermEnd. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** The moment of `performance.now()` from which nothing is begun any more. */
  get limitMs(): number {
    return this.#limitMs
  }

  /** Whether something may be begun now. */
  mayStart(): boolean {
    return !this.#ended.signal.aborted && !this.#isHeld && performance.now() < this.#limitMs
  }

  /** How long the lease is renewed for. */
  get leaseMs(): number {
    return this.#options.leaseMs
  }

  /**
   * Does work that holds the head row in a transaction: nobody can take the lease meanwhile, and nobody can renew it but
   * the transaction itself. Afterwards the term goes on from that renewal, or from the last one before.
   */
  async whileHeld<T>(work: (onRenewing: (sentMs: number) => void) => Promise<T>): Promise<T> {
    const { leaseMs, marginMs } = this.#options
    this.#isHeld = true
    clearTimeout(this.#renewal)
    clearTimeout(this.#expiry)
    let renewedMs = this.#limitMs - leaseMs + marginMs
    try {
      return await work((sentMs) => (renewedMs = sentMs))
    } finally {
      this.#isHeld = false
      if (!this.#ended.signal.aborted) {
        this.#extend(renewedMs)
        this.#scheduleRenewal(0)
      }
    }
  }

  /** Ends the term here; the lease itself is left as it is. */
  end(reason: TermEnd): void {
    if (this.#ended.signal.aborted) return
    clearTimeout(this.#renewal)
    clearTimeout(this.#expiry)
    if (reason !== 'deposed') mayHold.add(this.#options)
    this.#ended.abort(reason)
  }

  /** Ends the term and its epoch, so that another writer can take the lease at once. */
  async release(): Promise<void> {
    this.end('closed')
    await endEpoch(this.#options.executor, this.epoch)
    mayHold.delete(this.#options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end('closed')
    return Promise.resolve()
  }

  #extend(sentMs: number): void {
    if (this.#isHeld) return
    const { leaseMs, marginMs } = this.#options
    this.#limitMs = sentMs + leaseMs - marginMs
    clearTimeout(this.#expiry)
    this.#expiry = setTimeout(() => this.end('expired'), Math.max(0, this.#limitMs - performance.now()))
  }

  #scheduleRenewal(afterMs: number): void {
    if (this.#isHeld || this.#ended.signal.aborted) return
    clearTimeout(this.#renewal)
    this.#renewal = setTimeout(() => {
      this.#renew().catch((error: unknown) => {
        if (this.#ended.signal.aborted) return
        this.#options.logger.warn({ err: error, epoch: this.epoch }, 'cannot renew the lease')
        this.#scheduleRenewal(retryMs)
      })
    }, afterMs)
  }

  async #renew(): Promise<void> {
    const { executor, leaseMs, renewMs } = this.#options
    const sentMs = performance.now()
    const databaseUs = await renewLease(executor, { epoch: this.epoch, leaseMs })
    if (this.#ended.signal.aborted) return
    if (databaseUs === undefined) return this.end('deposed')
    this.clock.observe(databaseUs, sentMs, performance.now())
    this.#extend(sentMs)
    this.#scheduleRenewal(renewMs)
  }
}
