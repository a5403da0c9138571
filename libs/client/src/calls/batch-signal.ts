/**
 * The signal of a request that several callers share: it ends when the client is closed, or when the last of them has
 * given up.
 */
export class BatchSignal {
  readonly #closed: AbortSignal
  #controller: AbortController | undefined
  #waiting: number

  constructor(closed: AbortSignal, callers: number, canGiveUp: boolean) {
    this.#closed = closed
    this.#waiting = callers
    if (!canGiveUp) return
    this.#controller = new AbortController()
    closed.addEventListener('abort', this.#onClosed, { once: true })
    if (closed.aborted) this.#onClosed()
  }

  get signal(): AbortSignal {
    return this.#controller?.signal ?? this.#closed
  }

  /** One of the callers does not wait any more. */
  giveUp(): void {
    this.#waiting -= 1
    if (this.#waiting === 0) this.#controller?.abort()
  }

  release(): void {
    this.#closed.removeEventListener('abort', this.#onClosed)
  }

  readonly #onClosed = (): void => this.#controller?.abort(this.#closed.reason)
}
