import type { WatchRequest } from '@qcore/contracts'
import { readDatabase, readHead, type Executor } from '@qcore/database'
import { checkedResumePoint, assertSameLog } from './resume-point.ts'

/**
 * The revision that a caller resumes after; undefined if it begins now.
 *
 * @throws QError `log_replaced`, `future_revision`, `compacted`
 */
export async function startingPoint(
  request: WatchRequest,
  { pool, feed }: { pool: Executor; feed: { readonly logId: string; catchUp(): Promise<void> } },
): Promise<number | undefined> {
  // The other history may be one that this notifier has not heard of yet.
  if (request.logId !== '' && request.logId !== feed.logId) await readDatabase(feed.catchUp())
  assertSameLog(request.logId, feed.logId)
  return request.resumeAfter === undefined ? undefined : checkedResumePoint(request, await readDatabase(readHead(pool)))
}
