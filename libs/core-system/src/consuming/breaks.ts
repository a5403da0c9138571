/** An event that breaks the connection of its handlers so often has failed: it may be what breaks it. */
const mostBreaks = 5
const mostRemembered = 1_000

/** How often the connection to the database broke while events were handled here. */
export class Breaks {
  readonly #counts = new Map<string, number>()

  /** Counts one more. True: it may be the event that does it. */
  isTooOften(event: string): boolean {
    const count = (this.#counts.get(event) ?? 0) + 1
    this.#counts.set(event, count)
    if (this.#counts.size > mostRemembered)
      for (const oldest of this.#counts.keys().take(1)) this.#counts.delete(oldest)
    return count >= mostBreaks
  }
}
