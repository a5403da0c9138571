import type { CommitQueue } from '../commit/commit-queue.ts'
import type { SessionOrder } from '../commit/session-order.ts'

/** What the handlers need. */
export interface HandlerOptions {
  readonly queue: CommitQueue
  readonly sessions: SessionOrder
}
