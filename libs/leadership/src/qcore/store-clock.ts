import type { Timestamp } from '@qcore/client'

/** The least that the time of the store can be, as far as the commits of this process tell. */
export class StoreClock {
  #storeUs = 0n
  #seenMs = 0

  /** The store's time is at least that of a commit whose answer has come. */
  observe(time: Timestamp | undefined): void {
    if (time === undefined) return
    this.#storeUs = time.micros
    this.#seenMs = performance.now()
  }

  /** In microseconds; 0 before the first commit. */
  get leastUs(): bigint {
    if (this.#storeUs === 0n) return 0n
    return this.#storeUs + BigInt(Math.floor((performance.now() - this.#seenMs) * 1_000))
  }
}
