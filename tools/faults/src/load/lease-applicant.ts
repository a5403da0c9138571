import { setTimeout as delay } from 'node:timers/promises'
import { isQError } from '@qcore/errors'
import { openLeadershipStore, type LeadershipStore, type Lease } from '@qcore/leadership'
import { monotonicMs } from '../history/monotonic.ts'
import type { LeaseGrant } from '../history/recording.ts'

const key = 'faults'
const leaseMs = 1_000
const renewals = 3
const pauseMs = 100

/** Asks for a lease in Redis as an application does, keeps it for a moment, and asks again. */
export class LeaseApplicant implements AsyncDisposable {
  readonly #store: LeadershipStore
  readonly #holder: string
  readonly #grants: LeaseGrant[]

  /** @param grants gets every lease that is granted */
  constructor(redisUrl: string, holder: string, grants: LeaseGrant[]) {
    this.#store = openLeadershipStore(redisUrl)
    this.#holder = holder
    this.#grants = grants
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#apply(signal)
      } catch (error) {
        if (!isQError(error, 'unavailable') && !isQError(error, 'canceled')) throw error
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]()
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const invokedMs = monotonicMs()
    const token = await this.#store.acquire({ key, holder: this.#holder, leaseMs }, signal)
    if (token === undefined) return
    this.#grants.push({ holder: this.#holder, token, invokedMs, completedMs: monotonicMs() })
    const lease: Lease = { key, holder: this.#holder, token }
    for (let count = 0; count < renewals && !signal.aborted; count += 1) {
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
      if (!(await this.#store.renew(lease, leaseMs, signal))) return
    }
    await this.#store.release(lease, signal)
  }
}
