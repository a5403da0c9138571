/** What is to be delivered of a commit, as soon as it is known. */
interface Waiting {
  readonly revision: number
  deliver: (() => void) | undefined
}

/**
 * Delivers commits in their order, though it may take a moment to find out for whom one is. What is known at once, while nothing
 * waits, is delivered at once.
 */
export class SubtreeLane {
  readonly #onFailure: (error: unknown) => void
  #waiting: Waiting[] = []

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Up to here everything was delivered, if this is what was applied. */
  reached(appliedRevision: number): number {
    const [first] = this.#waiting
    return first === undefined ? appliedRevision : first.revision - 1
  }

  add<T>(revision: number, found: T | Promise<T>, deliver: (found: T) => void): void {
    if (!(found instanceof Promise) && this.#waiting.length === 0) return deliver(found)
    const waiting: Waiting = { revision, deliver: undefined }
    this.#waiting.push(waiting)
    if (!(found instanceof Promise)) {
      waiting.deliver = () => deliver(found)
      return
    }
    found.then(
      (late) => {
        waiting.deliver = () => deliver(late)
        this.#drain()
      },
      (error: unknown) => {
        // Whoever watches subtrees resumes: nothing that waits is needed.
        this.#waiting = []
        this.#onFailure(error)
      },
    )
  }

  #drain(): void {
    for (let first = this.#waiting[0]; first?.deliver !== undefined; first = this.#waiting[0]) {
      this.#waiting.shift()
      first.deliver()
    }
  }
}
