import { setTimeout as delay } from 'node:timers/promises'

/** When what could not be announced is tried again, in milliseconds. */
const againMs = 1_000

/** Announces one thing at a time, until it succeeds; what comes meanwhile is announced once, after it. */
export class Announcer implements Disposable {
  readonly #announce: () => Promise<void>
  readonly #over = new AbortController()
  #isUnderWay = false
  #isDue = false

  constructor(announce: () => Promise<void>) {
    this.#announce = announce
  }

  readonly announce = (): void => {
    this.#isDue = true
    if (!this.#isUnderWay) void this.#run()
  };

  [Symbol.dispose](): void {
    this.#over.abort()
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#over
    this.#isUnderWay = true
    while (this.#isDue && !signal.aborted) {
      this.#isDue = false
      try {
        await this.#announce()
      } catch {
        this.#isDue = true
        await delay(againMs, undefined, { signal }).catch(() => undefined)
      }
    }
    this.#isUnderWay = false
  }
}
