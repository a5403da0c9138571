import { readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { Caller, LogFeed } from '@qcore/replica'

/**
 * Waits until the reader has applied the revision of a snapshot, so that its answers never go back.
 *
 * @throws QError `log_replaced`, `deadline_exceeded`, `unavailable`
 */
export async function whenApplied(
  feed: LogFeed,
  snapshot: { revision: number; logId: string },
  caller: Caller,
): Promise<void> {
  if (snapshot.logId !== feed.logId) await readDatabase(feed.catchUp())
  if (snapshot.logId !== feed.logId) throw new QError('log_replaced', 'the history of the store was replaced')
  if (feed.appliedRevision < snapshot.revision) await feed.waitFor(snapshot.revision, caller.signal)
}
