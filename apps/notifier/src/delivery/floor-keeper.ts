import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import type { EventConsumers } from './event-consumers.ts'
import { raiseFloor } from './sql/subscriptions.ts'

/** Notes up to where groups have handled all, so that they can go on there when NATS has lost everything. */
export class FloorKeeper {
  readonly #consumers: EventConsumers
  readonly #pool: Executor
  readonly #logger: Logger
  /** The sequences of the stream that the floors were noted for. */
  readonly #noted = new Map<string, number>()
  #keeping: Promise<void> | undefined

  constructor(consumers: EventConsumers, pool: Executor, logger: Logger) {
    this.#consumers = consumers
    this.#pool = pool
    this.#logger = logger
  }

  /** Looks at subscriptions, unless it still does. */
  keep(subscriptionIds: readonly string[]): void {
    if (this.#keeping !== undefined) return
    const ids = new Set(subscriptionIds)
    for (const id of this.#noted.keys()) if (!ids.has(id)) this.#noted.delete(id)
    this.#keeping = this.#keepAll(ids)
      .catch((error: unknown) => this.#logger.warn({ err: error }, 'cannot note what groups have handled'))
      .finally(() => {
        this.#keeping = undefined
      })
  }

  async #keepAll(ids: ReadonlySet<string>): Promise<void> {
    for (const id of ids) {
      const info = await this.#consumers.info(id)
      const sequence = info?.ack_floor.stream_seq ?? 0
      if (sequence === 0 || this.#noted.get(id) === sequence) continue
      const place = await this.#consumers.placeAt(sequence)
      if (place !== undefined) await raiseFloor(this.#pool, id, place)
      this.#noted.set(id, sequence)
    }
  }
}
