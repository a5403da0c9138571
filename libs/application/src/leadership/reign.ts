import { setTimeout as delay } from 'node:timers/promises'
import type { HeldLease } from '@qcore/leadership'
import type { Term } from './term.ts'

/** Why an instance leads no longer. */
export type ReignEnd =
  /** The lease cannot be renewed in time, or is another's. */
  | 'lease lost'
  /** The store knows a newer term. */
  | 'stale'
  /** A criterion of availability does not hold any more. */
  | 'unavailable'
  | 'handed over'
  | 'stopped'

/** The time in which an instance leads: with a lease, and with a term that the store knows. */
export class Reign {
  readonly term: Term
  readonly #held: HeldLease
  readonly #onLosing: () => Promise<void>
  readonly #over = new AbortController()
  #farewell: Promise<void> = Promise.resolve()

  /** @param onLosing called once, as soon as the end is known; the lease is kept until it resolves, if it lasts so long */
  constructor(held: HeldLease, term: Term, onLosing: () => Promise<void>) {
    this.#held = held
    this.term = term
    this.#onLosing = onLosing
    held.losing.addEventListener('abort', () => this.end('lease lost'), { once: true })
  }

  /** Aborted when the end has begun; the reason is a ReignEnd. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** Whether something new may be begun. Looks at the clock. */
  get mayBegin(): boolean {
    return this.#held.isSafe && !this.#over.signal.aborted
  }

  /** Whether the lease still lasts. */
  get mayFinish(): boolean {
    return this.#held.leftMs > 0
  }

  /** Looks at the clock: begins the end if it is time. */
  check(): void {
    this.#held.check()
  }

  end(reason: ReignEnd): void {
    if (this.#over.signal.aborted) return
    this.#over.abort(reason)
    this.#farewell = this.#onLosing()
  }

  /** Waits for the farewell, then gives the lease up. */
  async finish(longestMs: number): Promise<void> {
    const waited = new AbortController()
    const ms = Math.min(longestMs, this.#held.leftMs)
    await Promise.race([this.#farewell, delay(ms, undefined, { signal: waited.signal }).catch(() => undefined)])
    waited.abort()
    await this.#held.release()
  }
}
