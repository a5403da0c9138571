import { setTimeout as delay } from 'node:timers/promises'
import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { endWithdrawnReplays } from './sql/end-letters.ts'
import { retireOccurrences } from './sql/retire-occurrences.ts'

/** Rows of one statement: few enough to block nobody. */
const mostRows = 1_000
/** Time between looks when nothing is old. */
const pauseMs = 60_000
/** Time between statements while there is more. */
const betweenMs = 50

export interface RetirerOptions {
  readonly executor: Executor
  readonly logger: Logger
  readonly retentionMs: number
}

/** Keeps the ledger to its retention: of what is over only, a few rows at a time. Any number may run. */
export class Retirer implements AsyncDisposable {
  readonly #options: RetirerOptions
  readonly #stop = new AbortController()
  readonly #run: Promise<void>

  constructor(options: RetirerOptions) {
    this.#options = options
    this.#run = this.#keepRetiring()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#run
  }

  async #keepRetiring(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const { logger } = this.#options
      const count = await this.#retire().catch((error: unknown) => {
        logger.warn({ err: error }, 'cannot delete old occurrences')
        return 0
      })
      await delay(count === mostRows ? betweenMs : pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #retire(): Promise<number> {
    const { executor, retentionMs } = this.#options
    await endWithdrawnReplays(executor)
    return retireOccurrences(executor, { retentionMs, limit: mostRows })
  }
}
