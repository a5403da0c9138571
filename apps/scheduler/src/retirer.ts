import { setTimeout as delay } from 'node:timers/promises'
import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { endWithdrawnReplays } from './sql/end-letters.ts'
import { retireOccurrences, type RetirePosition } from './sql/retire-occurrences.ts'
import { retireVersions } from './sql/retire-versions.ts'

/** Rows of one statement: few enough to block nobody. */
const mostRows = 1_000
/** Time between looks when all has been looked at. */
const pauseMs = 60_000
/** The same, of so many that looking at them takes long: most of them are the newest of their schedules, and stay. */
const longPauseMs = 600_000
/** Time between statements while there is more. */
const betweenMs = 50
const beginning: RetirePosition = { nominalUs: 0, id: '' }

export interface RetirerOptions {
  readonly executor: Executor
  readonly logger: Logger
  readonly retentionMs: number
}

/** Keeps the ledger to its retention: of what is over only, a few rows at a time. Any number may run. */
export class Retirer implements AsyncDisposable {
  readonly #options: RetirerOptions
  readonly #stop = new AbortController()
  readonly #run: Promise<unknown>

  constructor(options: RetirerOptions) {
    this.#options = options
    this.#run = Promise.all([this.#keepRetiring(), this.#keepRetiringVersions(), this.#keepEnding()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#run
  }

  async #keepRetiring(): Promise<void> {
    const { signal } = this.#stop
    let after = beginning
    while (!signal.aborted) {
      const next = await this.#retireSome(after)
      const isLong = after !== beginning
      await delay(next === undefined ? (isLong ? longPauseMs : pauseMs) : betweenMs, undefined, { signal }).catch(
        () => undefined,
      )
      after = next ?? beginning
    }
  }

  async #retireSome(after: RetirePosition): Promise<RetirePosition | undefined> {
    const { executor, retentionMs, logger } = this.#options
    try {
      const { next } = await retireOccurrences(executor, { retentionMs, limit: mostRows, after })
      return next
    } catch (error) {
      logger.warn({ err: error }, 'cannot delete old occurrences')
      return undefined
    }
  }

  async #keepRetiringVersions(): Promise<void> {
    const { signal } = this.#stop
    const { executor, retentionMs, logger } = this.#options
    while (!signal.aborted) {
      const deleted = await retireVersions(executor, { retentionMs, limit: mostRows }).catch((error: unknown) => {
        logger.warn({ err: error }, 'cannot delete old versions of schedules')
        return 0
      })
      await delay(deleted > 0 ? betweenMs : longPauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Ends what was to be replayed and is not any more. */
  async #keepEnding(): Promise<void> {
    const { signal } = this.#stop
    const { executor, logger } = this.#options
    while (!signal.aborted) {
      await endWithdrawnReplays(executor).catch((error: unknown) => {
        logger.warn({ err: error }, 'cannot end replays that were withdrawn')
      })
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }
}
