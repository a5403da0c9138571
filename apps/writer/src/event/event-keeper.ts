import {
  createEventPartition,
  deleteEventKeysBefore,
  dropDetachedPartitions,
  dropEventPartition,
  listEventPartitions,
  type EventPartition,
  type Executor,
} from '@qcore/database'
import type { Logger } from '@qcore/service'
import { nextEventPartition } from './event-partition-plan.ts'

/** The last partition must reach so far ahead: partitions are made long before they are needed. */
const leastAheadUs = 3_600_000_000
/** Keys that one statement deletes at most, so that it does not take long; every ten seconds one is made. */
const keysPerDelete = 50_000
/** A group that is being prepared commits within this time. */
const preparingUs = 60_000_000

export interface EventKeeperOptions {
  readonly executor: Executor
  readonly logger: Logger
  /** How long events are kept, at least. */
  readonly retentionMs: number
}

/** Keeps the table of events: partitions ahead of the time, and none behind the retention. */
export class EventKeeper {
  readonly #options: EventKeeperOptions
  #partitions: EventPartition[] = []
  #growing: Promise<void> | undefined

  constructor(options: EventKeeperOptions) {
    this.#options = options
  }

  /** Begins: reads which partitions there are, and makes what the next commits need. */
  async restart(nowUs: number): Promise<void> {
    this.#partitions = await listEventPartitions(this.#options.executor)
    await this.ensureRoom(nowUs)
  }

  /** Whether nothing has to be made for events of a time, not even ahead. */
  hasRoom(nowUs: number): boolean {
    return nowUs + leastAheadUs < (this.#partitions.at(-1)?.toUs ?? 0)
  }

  /** Makes sure that events of a time have a partition. Makes the next one in the background when that time comes near. */
  async ensureRoom(nowUs: number): Promise<void> {
    if (this.hasRoom(nowUs)) return
    const reachUs = this.#partitions.at(-1)?.toUs ?? 0
    this.#growing ??= this.#grow(nowUs).finally(() => {
      this.#growing = undefined
    })
    if (nowUs + preparingUs >= reachUs) return this.#growing
    this.#growing.catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'cannot make a partition of the events yet')
    })
  }

  /** Makes partitions ahead, and drops those whose events are all older than the retention. */
  async keep(nowUs: number): Promise<void> {
    const { executor, retentionMs, logger } = this.#options
    await this.ensureRoom(nowUs)
    await deleteEventKeysBefore(executor, nowUs, keysPerDelete)
    // What was detached last time may not have been answered.
    this.#partitions = await listEventPartitions(executor)
    for (const partition of this.#partitions) {
      if (partition.toUs > nowUs - retentionMs * 1_000) break
      await dropEventPartition(executor, partition)
      this.#partitions = this.#partitions.filter(({ fromUs }) => fromUs !== partition.fromUs)
      logger.info({ fromUs: partition.fromUs, toUs: partition.toUs }, 'dropped a partition of the events')
    }
    const oldestUs = this.#partitions[0]?.fromUs ?? 0
    for (const name of await dropDetachedPartitions(executor, { parent: 'event', below: oldestUs })) {
      logger.info({ name }, 'dropped a table that was a partition of the events')
    }
  }

  /** Another writer may have made some. */
  async #grow(nowUs: number): Promise<void> {
    const { executor, retentionMs } = this.#options
    this.#partitions = await listEventPartitions(executor)
    while ((this.#partitions.at(-1)?.toUs ?? 0) <= nowUs + leastAheadUs) {
      const next = nextEventPartition(this.#partitions.at(-1), { nowUs, retentionMs })
      await createEventPartition(executor, next)
      this.#partitions = [...this.#partitions, next]
    }
  }
}
