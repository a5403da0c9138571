/** Aborted with another signal, or when a time is over. Disposed of when what it is for has ended. */
export class LimitedSignal implements Disposable {
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #onAbort = (): void => this.#controller.abort(this.#outer.reason)
  #isTimeUp = false

  /** @param limitMs in milliseconds */
  constructor(outer: AbortSignal, limitMs: number) {
    this.#outer = outer
    this.#timer = setTimeout(() => {
      this.#isTimeUp = true
      this.#controller.abort(new DOMException('the time is over', 'TimeoutError'))
    }, limitMs)
    if (outer.aborted) this.#onAbort()
    else outer.addEventListener('abort', this.#onAbort)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get isTimeUp(): boolean {
    return this.#isTimeUp
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#onAbort)
  }
}
