import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@qcore/service'

const firstRetryMs = 100
const mostRetryMs = 2_000

export interface RepairLoopOptions {
  /** Puts right what may be wrong. */
  readonly repair: (signal: AbortSignal) => Promise<void>
  /** What cannot be repaired yet, for the log. */
  readonly subject: string
  readonly logger: Logger
}

/** Repairs something whenever asked to, one time after the other, until it succeeds; stands still before it is started. */
export class RepairLoop implements AsyncDisposable {
  readonly #options: RepairLoopOptions
  #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #isRunning = false
  #isAskedAgain = false

  constructor(options: RepairLoopOptions) {
    this.#options = options
    this.#stop.abort()
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  /** Whether it was asked again since the repair began: the repair may have missed what happened meanwhile. */
  get isAskedAgain(): boolean {
    return this.#isAskedAgain
  }

  start(): void {
    this.#stop = new AbortController()
    this.request()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** Has it repaired; once more, if that is under way. */
  request(): void {
    this.#isAskedAgain = true
    if (this.#isRunning || this.isStopped) return
    this.#isRunning = true
    this.#running = this.#run(this.#stop.signal).finally(() => {
      this.#isRunning = false
      if (this.#isAskedAgain) this.request()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(mostRetryMs, retryMs * 2)) {
      this.#isAskedAgain = false
      try {
        await this.#options.repair(signal)
        retryMs = firstRetryMs
        if (!this.#isAskedAgain) return
      } catch (error) {
        if (signal.aborted) return
        const { logger, subject } = this.#options
        logger.warn({ err: error, subject }, 'cannot repair yet')
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}
