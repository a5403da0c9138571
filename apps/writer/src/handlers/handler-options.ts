import type { Pool } from '@qcore/database'
import type { CommitQueue } from '../commit/commit-queue.ts'
import type { RestoreContext } from '../restore/restore-context.ts'
import type { SessionOrder } from '../commit/session-order.ts'

/** What the handlers need. */
export interface HandlerOptions extends RestoreContext {
  readonly queue: CommitQueue
  readonly sessions: SessionOrder
  readonly temporaryPool: Pool
}
