import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import type { EventConsumers } from './event-consumers.ts'
import { consumerName } from './delivery-id.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'
import { raiseFloor } from './sql/subscriptions.ts'

/** Notes up to where groups have handled all, so that they can go on there when NATS has lost everything. */
export class FloorKeeper {
  readonly #consumers: EventConsumers
  readonly #pool: Executor
  readonly #logger: Logger
  /** The sequences of the stream that the floors were noted for, by consumer. */
  readonly #noted = new Map<string, number>()
  #keeping: Promise<void> | undefined

  constructor(consumers: EventConsumers, pool: Executor, logger: Logger) {
    this.#consumers = consumers
    this.#pool = pool
    this.#logger = logger
  }

  /** Looks at subscriptions, unless it still does. */
  keep(subscriptions: readonly SubscriptionRow[]): void {
    if (this.#keeping !== undefined) return
    const rows = new Map(subscriptions.map((row) => [consumerName(row), row]))
    for (const name of this.#noted.keys()) if (!rows.has(name)) this.#noted.delete(name)
    this.#keeping = this.#keepAll(rows)
      .catch((error: unknown) => this.#logger.warn({ err: error }, 'cannot note what groups have handled'))
      .finally(() => {
        this.#keeping = undefined
      })
  }

  async #keepAll(rows: ReadonlyMap<string, SubscriptionRow>): Promise<void> {
    for (const [name, row] of rows) {
      const context = { consumers: this.#consumers, pool: this.#pool }
      this.#noted.set(name, await noteFloor(row, context, this.#noted.get(name)))
    }
  }
}

/** Notes up to where a group has handled all, unless that is where it was. Gives the sequence in the stream. */
export async function noteFloor(
  row: SubscriptionRow,
  { consumers, pool }: { readonly consumers: EventConsumers; readonly pool: Executor },
  noted = 0,
): Promise<number> {
  const info = await consumers.info(row)
  const sequence = info?.ack_floor.stream_seq ?? 0
  if (sequence === 0 || noted === sequence) return noted
  const place = await consumers.placeAt(sequence)
  if (place !== undefined) await raiseFloor(pool, row.id, place)
  return sequence
}
