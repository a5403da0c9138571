import { ReadService } from '@qcore/contracts'
import type { CallOptions, Caller } from './calls/caller.ts'
import { timestampFromMessage, type Timestamp } from './values/timestamp.ts'

/** The state of the store. */
export interface Status {
  readonly store: string
  /** The newest revision committed. */
  readonly revision: number
  /** The revision that the reader who answered has applied. */
  readonly appliedRevision: number
  /** The oldest revision that the log holds: where a subscription can resume from at most. */
  readonly oldestRevision: number
  /** The epoch of the last writer that took the lease. */
  readonly epoch: number
  /** The instance that holds, or last held, the writer's lease. */
  readonly leader: string
  /** When that lease ends or ended, on PostgreSQL's clock. */
  readonly leaseUntil: Timestamp
  /** Identifies the history that the revisions belong to. */
  readonly logId: string
}

export async function readStatus(caller: Caller, options: CallOptions): Promise<Status> {
  const status = await caller.call(ReadService.method.getStatus, {}, options)
  return {
    store: status.store,
    revision: Number(status.revision),
    appliedRevision: Number(status.appliedRevision),
    oldestRevision: Number(status.oldestRevision),
    epoch: Number(status.epoch),
    leader: status.leader,
    leaseUntil: timestampFromMessage(status.leaseUntil),
    logId: status.logId,
  }
}
