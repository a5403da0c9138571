/** What somebody waits for; one ring, or several before he waits, wake him once. */
export class Alarm {
  #isRinging = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#isRinging = true
    this.#wake?.()
  }

  /** Waits for a ring, a time in milliseconds, or the signal. Returns whether it rang. */
  async wait(ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#isRinging && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const wake = (): void => resolve()
      const timer = setTimeout(wake, Math.max(0, ms))
      signal.addEventListener('abort', wake)
      this.#wake = wake
      await promise
      this.#wake = undefined
      signal.removeEventListener('abort', wake)
      clearTimeout(timer)
    }
    const rang = this.#isRinging
    this.#isRinging = false
    return rang
  }
}
