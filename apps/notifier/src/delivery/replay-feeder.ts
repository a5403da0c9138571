import { create } from '@bufbuild/protobuf'
import { EventDeliverySchema } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { replayedEvent } from '../dead-letter/dead-letter-message.ts'
import { claimReplays, endLostReplays, loadDueReplays, releaseReplay } from '../dead-letter/sql/replays.ts'
import { replayDeliveryId } from './delivery-id.ts'
import { replayKey, type Lane } from './lane.ts'
import { deliveryMetrics } from './metrics.ts'
import type { NodeStream } from './node-stream.ts'
import { typeRegex } from './type-pattern.ts'

const mostLosses = 5

/** Gives nodes the dead letters of their groups that are to be tried again. They are rows of PostgreSQL until they are handled. */
export class ReplayFeeder {
  readonly #pool: Executor
  readonly #logger: Logger
  #feeding: Promise<void> | undefined

  constructor(pool: Executor, logger: Logger) {
    this.#pool = pool
    this.#logger = logger
  }

  /** Looks for some that are due, unless it still does. */
  feed(streams: readonly NodeStream[]): void {
    if (this.#feeding !== undefined || streams.length === 0) return
    this.#feeding = this.#feedAll(streams)
      .catch((error: unknown) => this.#logger.warn({ err: error }, 'cannot look for dead letters to replay'))
      .finally(() => {
        this.#feeding = undefined
      })
  }

  async #feedAll(streams: readonly NodeStream[]): Promise<void> {
    const namespaces = [...new Set(streams.map(({ namespace }) => namespace))]
    const due = await loadDueReplays(this.#pool, namespaces)
    if (due.length === 0) return
    await endLostReplays(this.#pool, mostLosses)
    const groups = new Set(due.map(({ namespace, group }) => `${namespace} ${group}`))
    for (const stream of streams) {
      for (const lane of stream.lanes) {
        const isWanted = groups.has(`${stream.namespace} ${lane.row.group}`) && lane.room > 0
        if (isWanted && !stream.isOver) await this.#feedLane(stream, lane)
      }
    }
  }

  async #feedLane(stream: NodeStream, lane: Lane): Promise<void> {
    const { namespace, group, pattern, ackMs } = lane.row
    const { nodeId } = stream
    const claim = { namespace, group, typeRegex: typeRegex(pattern), nodeId, ackMs, limit: lane.room }
    for (const row of await claimReplays(this.#pool, claim)) {
      if (stream.isOver) {
        // Its node is gone, and was not given this one: another node gets it at once.
        await releaseReplay(this.#pool, { namespace, id: row.id, claim: row.claims }, 0)
        continue
      }
      lane.hold(replayKey(row.id))
      deliveryMetrics.delivered.inc()
      stream.push(
        create(EventDeliverySchema, {
          deliveryId: replayDeliveryId(row.id, row.claims),
          subscription: lane.index,
          event: replayedEvent(row),
          redeliveries: row.claims - 1,
          attempt: row.attempts + 1,
          replayOf: row.eventId,
        }),
      )
    }
  }
}
