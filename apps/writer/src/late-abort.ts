/** A signal that is aborted a while after another one was. Disposing ends the wait. */
export class LateAbort implements Disposable {
  readonly #late = new AbortController()
  readonly #signal: AbortSignal
  readonly #begin: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(signal: AbortSignal, afterMs: number) {
    this.#signal = signal
    this.#begin = () => {
      this.#timer = setTimeout(() => this.#late.abort(signal.reason), afterMs)
    }
    if (signal.aborted) this.#begin()
    else signal.addEventListener('abort', this.#begin)
  }

  get signal(): AbortSignal {
    return this.#late.signal
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#begin)
    clearTimeout(this.#timer)
  }
}
