/** Fires when it was not heard from for a time. */
export class Watchdog implements Disposable {
  readonly #controller = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Aborted when it fires. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Fires after this time, unless it is told otherwise. */
  arm(ms: number): void {
    this.rest()
    this.#timer = setTimeout(() => this.#controller.abort(), ms)
  }

  rest(): void {
    clearTimeout(this.#timer)
  }

  [Symbol.dispose](): void {
    this.rest()
  }
}
