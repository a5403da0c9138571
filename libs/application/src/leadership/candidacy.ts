import type { LeadershipStore } from '@qcore/leadership'

/** An instance that would lead: announced again and again, for as long as an announcement counts. */
export class Candidacy {
  readonly #leases: LeadershipStore
  readonly #candidate: { readonly key: string; readonly holder: string }
  readonly #timing: { readonly announceMs: number; readonly leaseMs: number }
  #dueMs = 0
  #live: readonly string[] = []

  constructor(
    leases: LeadershipStore,
    candidate: { readonly key: string; readonly holder: string },
    timing: { readonly announceMs: number; readonly leaseMs: number },
  ) {
    this.#leases = leases
    this.#candidate = candidate
    this.#timing = timing
  }

  /** The live candidates, the oldest first, as last heard. */
  get live(): readonly string[] {
    return this.#live
  }

  /** Announces the instance if it is due. Throws `unavailable` if the leadership store does not answer. */
  async announce(signal: AbortSignal): Promise<void> {
    if (performance.now() < this.#dueMs) return
    const { announceMs, leaseMs: ttlMs } = this.#timing
    this.#live = await this.#leases.announce({ ...this.#candidate, ttlMs }, signal)
    this.#dueMs = performance.now() + announceMs
  }

  /** Makes the next call announce, whether it is due or not. */
  expire(): void {
    this.#dueMs = 0
  }

  async withdraw(signal: AbortSignal): Promise<void> {
    await this.#leases.withdraw(this.#candidate, signal)
  }
}
