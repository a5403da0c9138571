/** What is assumed of a target until it shows how fast it is. */
const firstGapMs = 5
/** A longer time in which nobody left says only that nobody was there. */
const mostGapMs = 200
/** The weight of one observation. */
const share = 0.05
/** Nobody is sent away for longer than this. */
const mostMs = 10_000

/**
 * Gives out the times at which those who found a target full may come again: one after the other, as fast as others leave it.
 * Without that all of them would be claimed and turned back again and again.
 */
export class TargetBacklog {
  #gapMs = firstGapMs
  #leftAt: number | undefined
  #nextAt = 0

  /** Takes note that somebody left. */
  left(): void {
    const now = performance.now()
    if (this.#leftAt !== undefined) this.#gapMs += share * (Math.min(now - this.#leftAt, mostGapMs) - this.#gapMs)
    this.#leftAt = now
  }

  /** How many will leave within a time, as far as is known. */
  leavingWithin(ms: number): number {
    return this.#leftAt === undefined ? 0 : Math.floor(ms / this.#gapMs)
  }

  /** In how many milliseconds the next one may come again, at least so many. */
  comeBackMs(leastMs: number): number {
    const now = performance.now()
    const at = Math.max(now + leastMs, Math.min(this.#nextAt, now + mostMs))
    this.#nextAt = at + this.#gapMs
    return at - now
  }
}
