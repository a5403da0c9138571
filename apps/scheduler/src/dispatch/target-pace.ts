/** Who is further away from his turn than this does not wait for it. */
const mostWaitMs = 1_000
const mostBackMs = 60_000

/** When somebody may go on: after a wait, or not yet, and then when to come again. In milliseconds. */
export type Turn = { readonly waitMs: number } | { readonly comeBackMs: number }

/** Spaces out what goes to a target. */
export class TargetPace {
  readonly #perSecond: number
  #nextAt = 0
  /** Who came too early, and is expected again. */
  #turnedBack = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Whether nobody waits for his turn. */
  get isIdle(): boolean {
    return this.#nextAt <= performance.now()
  }

  /** The next turn. It is taken, unless it is too far away. */
  take(): Turn {
    const now = performance.now()
    const turnAt = Math.max(now, this.#nextAt)
    if (turnAt - now > mostWaitMs) {
      this.#turnedBack += 1
      // Those who came too early come again one after the other, as far as that can be foreseen.
      const backlogMs = (this.#turnedBack / this.#perSecond) * 1_000
      return { comeBackMs: Math.min(mostWaitMs + backlogMs * Math.random(), mostBackMs) }
    }
    this.#turnedBack = Math.max(0, this.#turnedBack - 1)
    this.#nextAt = turnAt + 1_000 / this.#perSecond
    return { waitMs: turnAt - now }
  }
}
