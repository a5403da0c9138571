/** PostgreSQL's clock, as far as it is known: its last answer, and the time since on a clock that nobody sets. */
export class DatabaseClock {
  #offsetMs = Date.now() - performance.now()

  /** Milliseconds since 1970. */
  get nowMs(): number {
    return performance.now() + this.#offsetMs
  }

  /** Takes over the time of an answer that arrives now. */
  set(databaseMs: number): void {
    this.#offsetMs = databaseMs - performance.now()
  }
}
