/**
 * For how long an event may be worked on. Its signal and its timer are made when somebody asks for them, or waits: a handler that
 * does neither costs neither.
 */
export class Term {
  readonly limitMs: number
  #controller: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #over: Error | undefined
  #onOver: ((reason: Error) => void) | undefined

  constructor(limitMs: number) {
    this.limitMs = limitMs
  }

  /** Fires when it is over. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#over !== undefined) this.#controller.abort(this.#over)
    return this.#controller.signal
  }

  /** Ends it; the first reason counts. */
  end(reason: Error): void {
    if (this.#over !== undefined) return
    this.#over = reason
    this.#controller?.abort(reason)
    this.#onOver?.(reason)
  }

  throwIfOver(): void {
    if (this.#over !== undefined) throw this.#over
  }

  /** From now on, or from an earlier call on, it ends by itself. */
  begin(): void {
    this.#timer ??= setTimeout(
      () => this.end(new Error(`the handler took longer than ${this.limitMs} ms`)),
      this.limitMs,
    )
  }

  /** It does not end by itself any more. */
  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Waits for work, until it is over: what does not end is left to itself. Rejects as the work does, or with why it is over. */
  async wait(work: PromiseLike<unknown>): Promise<void> {
    this.throwIfOver()
    this.begin()
    const over = new Promise<never>((_, reject) => {
      this.#onOver = reject
    })
    await Promise.race([work, over])
  }
}
