/** Lets a loop wait for a time, and others wake it earlier. A call that comes while it does not wait counts for the next time. */
export class WakeUp {
  #isDue = false
  #wake: (() => void) | undefined

  call(): void {
    this.#isDue = true
    this.#wake?.()
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isDue && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, ms)
        const wake = (this.#wake = done)
        signal.addEventListener('abort', done, { once: true })
        function done(): void {
          clearTimeout(timer)
          signal.removeEventListener('abort', wake)
          resolve()
        }
      })
    }
    this.#wake = undefined
    this.#isDue = false
  }
}
