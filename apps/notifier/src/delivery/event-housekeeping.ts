import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { listNamespaces, type Pool } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { deleteOldLetters } from '../dead-letter/sql/replays.ts'
import { buryAbandoned } from './bury-abandoned.ts'
import type { EventConsumers } from './event-consumers.ts'
import type { NodeWords } from './node-words.ts'
import { loadAbandoned } from './sql/abandoned.ts'
import { deleteSubscriptions, loadGoneBroadcasts } from './sql/subscriptions.ts'
import { buryUnclaimed, readClockUs } from './sql/unclaimed.ts'

const lookEveryMs = 5_000
/** How often consumers are looked for that nobody needs, and how old they are at least. */
const sweepEveryMs = 60_000
/** Events that one statement looks at. */
const batch = 1_000
/** The broadcasts of nodes that have been gone for so long are given up. */
const broadcastGoneMs = 3_600_000
/** Dead letters whose replay was handled are shown for so long. */
const replayedKeptMs = 604_800_000

export interface HousekeepingOptions {
  readonly pool: Pool
  readonly connection: NatsConnection
  readonly store: string
  readonly consumers: EventConsumers
  readonly words: NodeWords
  readonly logger: Logger
  /** After this time an event that no group wants is a dead letter. */
  readonly unclaimedMs: number
  /** After this time without a node of its group an event is a dead letter. */
  readonly abandonedMs: number
  /** So long after that it is forgotten. */
  readonly unhandledKeptMs: number
}

/** Makes events dead letters that nobody wants, and forgets what is over. Every notifier does; what two do at once is done once. */
export class EventHousekeeping implements Disposable {
  readonly #options: HousekeepingOptions
  readonly #stopped = new AbortController()
  #sweptAt = 0

  constructor(options: HousekeepingOptions) {
    this.#options = options
    void this.#run()
  }

  /** Does not wait for PostgreSQL: a statement that runs ends with the pool. */
  [Symbol.dispose](): void {
    this.#stopped.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    const steps: Readonly<Record<string, () => Promise<void>>> = {
      buryUnclaimed: () => this.#buryUnclaimed(),
      buryAbandoned: () => this.#buryAbandoned(),
      forgetLetters: () => this.#forgetLetters(),
      forgetBroadcasts: () => this.#forgetBroadcasts(),
      sweep: () => this.#sweep(),
    }
    while (!signal.aborted) {
      for (const [step, take] of Object.entries(steps)) {
        if (signal.aborted) return
        try {
          await take()
        } catch (error) {
          // The others do not need it.
          if (!signal.aborted) this.#options.logger.warn({ err: error, step }, 'cannot look after events yet')
        }
      }
      await delay(lookEveryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #buryUnclaimed(): Promise<void> {
    const { pool, unclaimedMs } = this.#options
    const beforeUs = (await readClockUs(pool)) - unclaimedMs * 1_000
    for (const { name } of await listNamespaces(pool)) {
      let looked = batch
      while (looked === batch && !this.#stopped.signal.aborted) {
        looked = await buryUnclaimed(pool, { namespace: name, beforeUs, limit: batch })
      }
    }
  }

  async #buryAbandoned(): Promise<void> {
    const { pool, abandonedMs } = this.#options
    const { signal } = this.#stopped
    const abandoned = await loadAbandoned(pool, abandonedMs)
    if (abandoned.length === 0) return
    const beforeUs = (await readClockUs(pool)) - abandonedMs * 1_000
    for (const row of abandoned) {
      if (!signal.aborted) await buryAbandoned(row, { ...this.#options, signal, beforeUs })
    }
  }

  async #sweep(): Promise<void> {
    const now = performance.now()
    if (this.#sweptAt !== 0 && now - this.#sweptAt < sweepEveryMs) return
    this.#sweptAt = now
    await this.#options.consumers.sweep(sweepEveryMs)
  }

  async #forgetLetters(): Promise<void> {
    const { pool, unhandledKeptMs: unhandledMs } = this.#options
    let deleted = batch
    while (deleted >= batch && !this.#stopped.signal.aborted) {
      deleted = await deleteOldLetters(pool, { replayedMs: replayedKeptMs, unhandledMs, limit: batch })
    }
  }

  async #forgetBroadcasts(): Promise<void> {
    const { pool, consumers } = this.#options
    const gone = await loadGoneBroadcasts(pool, broadcastGoneMs)
    if (gone.length === 0) return
    for (const row of gone) await consumers.delete(row)
    await deleteSubscriptions(
      pool,
      gone.map(({ id }) => id),
    )
  }
}
