import { loadLogSince, readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { LogRecord } from '@qcore/replica'

/**
 * The next commits of the log after a revision, as many as make a page.
 *
 * @throws QError `log_replaced`, `compacted`
 */
export async function readPage(pool: Executor, after: number, logId: string): Promise<LogRecord[]> {
  const page = await readDatabase(loadLogSince(pool, after))
  if (page.logId !== logId) {
    throw new QError('log_replaced', `the history ${logId} was replaced by ${page.logId}`, {
      field: 'log_id',
      metadata: { log_id: page.logId },
    })
  }
  if (page.records[0]?.revision !== after + 1) {
    throw new QError('compacted', `the log begins with revision ${page.oldestRevision}`, {
      field: 'resume_after',
      metadata: { oldest_revision: `${page.oldestRevision}` },
    })
  }
  return page.records.map(({ revision, record }) => new LogRecord(revision, record))
}
