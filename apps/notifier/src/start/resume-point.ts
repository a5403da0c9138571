import type { Head } from '@qcore/database'
import { QError } from '@qcore/errors'

/** Where a caller wants to resume; `logId` may be empty. */
export interface ResumeRequest {
  readonly resumeAfter?: bigint | undefined
  readonly logId: string
}

/**
 * The revision to resume after, checked against the head of the store.
 *
 * @throws QError `log_replaced`, `future_revision`, `compacted`
 */
export function checkedResumePoint({ resumeAfter, logId }: ResumeRequest, head: Head): number {
  assertSameLog(logId, head.logId)
  const revision = Number(resumeAfter ?? 0n)
  if (revision > head.revision) {
    throw new QError('future_revision', `revision ${revision} was not committed yet; the newest is ${head.revision}`, {
      field: 'resume_after',
      metadata: { newest_revision: `${head.revision}` },
    })
  }
  if (revision + 1 < head.oldestRevision) {
    throw new QError('compacted', `the log begins with revision ${head.oldestRevision}`, {
      field: 'resume_after',
      metadata: { oldest_revision: `${head.oldestRevision}` },
    })
  }
  return revision
}

/** @throws QError `log_replaced` */
export function assertSameLog(requested: string, actual: string): void {
  if (requested === '' || requested === actual) return
  throw new QError('log_replaced', `the history ${requested} was replaced by ${actual}`, {
    field: 'log_id',
    metadata: { log_id: actual },
  })
}
