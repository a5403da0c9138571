import type { Client } from '@qcore/client'

/** How long an answer is passed on: every qlib client asks twice a second. In milliseconds. */
const keptMs = 500
/** How long the store may take to answer, in milliseconds. */
const answerTimeoutMs = 2_000

/** Tells whether the store answers; who asks at about the same time shares the answer. */
export class StoreProbe {
  readonly #client: Client
  #answer: Promise<boolean> | undefined
  #untilMs = 0

  constructor(client: Client) {
    this.#client = client
  }

  isConnected(): Promise<boolean> {
    if (this.#answer === undefined || performance.now() >= this.#untilMs) {
      this.#untilMs = Infinity
      this.#answer = this.#ask().finally(() => {
        this.#untilMs = performance.now() + keptMs
      })
    }
    return this.#answer
  }

  async #ask(): Promise<boolean> {
    try {
      await this.#client.status({ timeoutMs: answerTimeoutMs })
      return true
    } catch {
      return false
    }
  }
}
