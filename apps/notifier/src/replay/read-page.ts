import { loadLogSince, readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { LogRecord } from '@qcore/replica'

const reading = new WeakMap<Executor, Map<string, Promise<LogRecord[]>>>()

/**
 * The next commits of the log after a revision, as many as make a page. Replays that ask for the same page at the same time
 * share it: those of all registrations that a notifier takes over begin together.
 *
 * @throws QError `log_replaced`, `compacted`
 */
export function readPage(pool: Executor, after: number, logId: string): Promise<LogRecord[]> {
  const pages = reading.get(pool) ?? new Map<string, Promise<LogRecord[]>>()
  reading.set(pool, pages)
  const key = `${after} ${logId}`
  const known = pages.get(key)
  if (known !== undefined) return known
  const page = loadPage(pool, after, logId).finally(() => pages.delete(key))
  pages.set(key, page)
  return page
}

async function loadPage(pool: Executor, after: number, logId: string): Promise<LogRecord[]> {
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
