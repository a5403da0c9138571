import {
  createLogPartition,
  deleteFormerFieldsBefore,
  deleteFormerPlacesBefore,
  deleteRequestsBefore,
  deleteTombstonesBefore,
  dropDetachedPartitions,
  dropLogPartition,
  listLogPartitions,
  readLogTimes,
  storeOldestRevision,
  type Executor,
  type LogPartition,
} from '@qcore/database'
import type { Logger } from '@qcore/service'
import { nextPartition } from './partition-plan.ts'

/** The part of a partition that is left when the next one is made. */
const roomLeft = 0.5
/** Rows that one statement deletes at most, so that none takes long. */
const rowsPerDelete = 5_000
/** Statements of one round at most; the next round goes on. */
const deletesPerRound = 40

export interface LogKeeperOptions {
  readonly executor: Executor
  readonly logger: Logger
  /** How long the log keeps commits, at least. */
  readonly retentionMs: number
}

/** Keeps the log's table: partitions ahead of the head, and none behind the retention. */
export class LogKeeper {
  readonly #options: LogKeeperOptions
  #partitions: LogPartition[] = []
  #growing: Promise<void> | undefined

  constructor(options: LogKeeperOptions) {
    this.#options = options
  }

  /** Begins: reads which partitions there are, and makes what the next commits need. */
  async restart(revision: number): Promise<void> {
    this.#partitions = await listLogPartitions(this.#options.executor)
    await this.ensureRoom(revision + 1)
  }

  /** Whether there is a partition for a revision, and no need for the next one yet. */
  hasRoom(revision: number): boolean {
    const last = this.#partitions.at(-1)
    return last !== undefined && revision < last.to - (last.to - last.from) * roomLeft
  }

  /** Makes sure that there is a partition for a revision; makes the next one in the background when one gets full. */
  async ensureRoom(revision: number): Promise<void> {
    if (this.hasRoom(revision)) return
    const last = this.#partitions.at(-1)
    this.#growing ??= this.#grow(revision).finally(() => {
      this.#growing = undefined
    })
    if (last === undefined || revision >= last.to) {
      await this.#growing
      await this.ensureRoom(revision)
    } else {
      this.#growing.catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, 'cannot make a partition of the log yet')
      })
    }
  }

  /**
   * Drops the partitions whose commits are all older than the retention, and the idempotency keys and tombstones of
   * those commits. Does nothing for a writer whose epoch has passed.
   */
  async compact({ epoch, nowUs, revision }: { epoch: number; nowUs: number; revision: number }): Promise<void> {
    const { executor, retentionMs, logger } = this.#options
    const oldestKeptUs = nowUs - retentionMs * 1_000
    // What was detached last time may not have been answered.
    this.#partitions = await listLogPartitions(executor)
    for (const partition of this.#partitions.slice(0, -1)) {
      if (partition.to > revision) break
      const times = await readLogTimes(executor, partition)
      if (times !== undefined && times.newestUs >= oldestKeptUs) break
      if (!(await storeOldestRevision(executor, { epoch, oldestRevision: Math.max(1, partition.to) }))) return
      await dropLogPartition(executor, partition)
      this.#partitions = this.#partitions.filter(({ from }) => from !== partition.from)
      logger.info({ from: partition.from, to: partition.to }, 'dropped a partition of the log')
    }
    const oldest = this.#partitions[0]?.from ?? 0
    for (const name of await dropDetachedPartitions(executor, { parent: 'log', below: oldest })) {
      logger.info({ name }, 'dropped a table that was a partition of the log')
    }
    await deleteInBatches((limit) => deleteRequestsBefore(executor, oldest, limit))
    await deleteInBatches((limit) => deleteTombstonesBefore(executor, oldest, limit))
    await deleteInBatches((limit) => deleteFormerPlacesBefore(executor, oldest, limit))
    await deleteInBatches((limit) => deleteFormerFieldsBefore(executor, oldest, limit))
  }

  async #grow(revision: number): Promise<void> {
    const { executor } = this.#options
    // What was attached last time may not have been answered.
    this.#partitions = await listLogPartitions(executor)
    if (this.hasRoom(revision)) return
    const last = this.#partitions.at(-1)
    const before = this.#partitions.at(-2)
    // The last one is not full yet; the one before tells how quickly partitions fill.
    const times = before === undefined ? undefined : await readLogTimes(executor, before)
    const next = nextPartition(last, times === undefined ? undefined : (times.newestUs - times.oldestUs) / 1_000)
    await createLogPartition(executor, next)
    this.#partitions = [...this.#partitions, next]
  }
}

async function deleteInBatches(deleteSome: (limit: number) => Promise<number>): Promise<void> {
  for (let round = 0; round < deletesPerRound; round++) {
    if ((await deleteSome(rowsPerDelete)) < rowsPerDelete) return
  }
}
