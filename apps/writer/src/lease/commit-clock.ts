/**
 * PostgreSQL's clock as this process knows it: its own monotonic one plus an offset that every renewal of the lease
 * measures. Never goes back.
 */
export class CommitClock {
  #offsetUs = 0
  #lastUs = 0

  /** Takes a measurement: PostgreSQL said `databaseUs` between two moments of `performance.now()`. */
  observe(databaseUs: number, sentMs: number, receivedMs: number): void {
    this.#offsetUs = databaseUs - ((sentMs + receivedMs) / 2) * 1_000
  }

  /** Goes on from the time of the newest commit. */
  startFrom(committedUs: number): void {
    this.#lastUs = Math.max(this.#lastUs, committedUs)
  }

  /** Microseconds since 1970. */
  now(): number {
    this.#lastUs = Math.max(this.#lastUs, Math.floor(performance.now() * 1_000 + this.#offsetUs))
    return this.#lastUs
  }
}
