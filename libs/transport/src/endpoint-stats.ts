const nanosecondsPerMs = 1_000_000

/** What an endpoint did, as `$SRV.STATS` tells it. */
export class EndpointStats {
  requests = 0
  errors = 0
  lastError = ''
  #processingMs = 0

  /** Counts a call that was handled. For a stream that is its whole life. */
  count(processingMs: number): void {
    this.requests += 1
    this.#processingMs += processingMs
  }

  countError(message: string): void {
    this.errors += 1
    this.lastError = message
  }

  /** Counts a call that was not even begun. */
  countRefusal(message: string): void {
    this.requests += 1
    this.countError(message)
  }

  /** The sum over all calls, nanoseconds. */
  get processingTimeNs(): number {
    return Math.round(this.#processingMs * nanosecondsPerMs)
  }

  get averageProcessingTimeNs(): number {
    return this.requests === 0 ? 0 : Math.round(this.processingTimeNs / this.requests)
  }
}
