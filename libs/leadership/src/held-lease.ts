import type { LeadershipStore, Lease } from './leadership-store.ts'

/** How a lease is held. All in milliseconds. */
export interface LeaseTiming {
  /** How long the lease lasts on the server after each renewal. */
  readonly leaseMs: number
  /** Time between renewals; less than half of `leaseMs`, so that one may fail. */
  readonly renewMs: number
  /** How long before the lease can run out it counts as being lost. */
  readonly marginMs: number
}

/** Why a lease is being lost: it could not be renewed in time, the server refused, or its holder gave it up. */
export type LossReason = 'expiring' | 'refused' | 'released'

/** A renewal that failed is tried again after this part of the time between renewals. */
const retryPart = 0.1

/**
 * A lease that is held, and renewed until it is lost. Its end is reckoned on this process's monotonic clock, from the
 * moment before the last renewal was sent: the lease lasts longer on the server than here.
 */
export class HeldLease implements AsyncDisposable {
  readonly lease: Lease
  readonly #store: LeadershipStore
  readonly #timing: LeaseTiming
  readonly #losing = new AbortController()
  #endMs: number
  #renewal: NodeJS.Timeout | undefined
  #warning: NodeJS.Timeout | undefined

  /** Asks for the lease. Undefined if somebody holds it, or if the answer came too late to be of use. */
  static async take(
    store: LeadershipStore,
    claim: { readonly key: string; readonly holder: string; readonly after?: number },
    timing: LeaseTiming,
  ): Promise<HeldLease | undefined> {
    const sentMs = performance.now()
    const token = await store.acquire({ ...claim, leaseMs: timing.leaseMs })
    if (token === undefined) return undefined
    const held = new HeldLease(store, { key: claim.key, holder: claim.holder, token }, timing, sentMs)
    if (held.isSafe) return held
    await held.release()
    return undefined
  }

  private constructor(store: LeadershipStore, lease: Lease, timing: LeaseTiming, sentMs: number) {
    this.#store = store
    this.lease = lease
    this.#timing = timing
    this.#endMs = sentMs + timing.leaseMs
    this.#watch()
    this.#renewAfter(timing.renewMs)
  }

  /** Aborted `marginMs` before the lease can run out, or when it is known to be lost; the reason is a LossReason. */
  get losing(): AbortSignal {
    return this.#losing.signal
  }

  /** How long the lease lasts at least, in milliseconds; 0 if it may have ended. */
  get leftMs(): number {
    return Math.max(0, this.#endMs - performance.now())
  }

  /** Whether something new may be begun. Looks at the clock, as timers are late in a process that was stopped. */
  get isSafe(): boolean {
    this.check()
    return !this.#losing.signal.aborted
  }

  /** Looks at the clock: aborts `losing` if it is time. */
  check(): void {
    if (this.leftMs <= this.#timing.marginMs) this.#lose('expiring')
  }

  /** Gives the lease up, so that others can take it at once. False if it had ended, or if the server does not answer. */
  async release(): Promise<boolean> {
    this.#lose('released')
    if (this.leftMs === 0) return false
    try {
      return await this.#store.release(this.lease, AbortSignal.timeout(Math.ceil(this.leftMs)))
    } catch {
      // It ends by itself.
      return false
    } finally {
      this.#endMs = 0
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  #lose(reason: LossReason): void {
    clearTimeout(this.#renewal)
    clearTimeout(this.#warning)
    if (reason === 'refused') this.#endMs = 0
    this.#losing.abort(reason)
  }

  #watch(): void {
    clearTimeout(this.#warning)
    const inMs = this.leftMs - this.#timing.marginMs
    this.#warning = setTimeout(() => this.#lose('expiring'), Math.max(0, inMs))
  }

  #renewAfter(ms: number): void {
    this.#renewal = setTimeout(() => {
      this.#renew().catch(() => {
        if (!this.#losing.signal.aborted) this.#renewAfter(this.#timing.renewMs * retryPart)
      })
    }, ms)
  }

  async #renew(): Promise<void> {
    if (!this.isSafe) return
    const { leaseMs, renewMs, marginMs } = this.#timing
    const sentMs = performance.now()
    const usefulMs = Math.max(1, Math.min(renewMs, this.leftMs - marginMs))
    const renewed = await this.#store.renew(this.lease, leaseMs, AbortSignal.timeout(Math.ceil(usefulMs)))
    if (!this.isSafe) return
    if (!renewed) return this.#lose('refused')
    this.#endMs = sentMs + leaseMs
    this.#watch()
    this.#renewAfter(renewMs)
  }
}
