/** An event whose answer was not heard of counts for so much of its time for an answer. */
const heldFactor = 1.5

/** What a node works on, until when that is believed without an answer. */
export class HeldEvents {
  readonly #held = new Map<string, number>()

  get size(): number {
    return this.#held.size
  }

  hold(key: string, ackMs: number): void {
    this.#held.set(key, performance.now() + ackMs * heldFactor)
  }

  /** Whether it was held. */
  settle(key: string): boolean {
    return this.#held.delete(key)
  }

  extend(key: string, ackMs: number): void {
    if (this.#held.has(key)) this.hold(key, ackMs)
  }

  /** Forgets what was not heard of in time. */
  sweep(): void {
    const now = performance.now()
    for (const [key, until] of this.#held) if (until <= now) this.#held.delete(key)
  }
}
