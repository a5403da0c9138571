import { loadLogRecords, loadLogSince, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { LogRecord } from './log-record.ts'

/** Commits of one statement. */
const mostRevisions = 500

/**
 * Visits single commits, ascending, each once. A few megabytes of them are in memory at a time.
 *
 * @throws QError `compacted` if the log does not hold one any more
 */
export async function visitRecords(
  pool: Executor,
  revisions: Iterable<number>,
  visit: (record: LogRecord) => void,
): Promise<void> {
  const wanted = [...new Set(revisions)].sort((a, b) => a - b)
  while (wanted.length > 0) {
    const records = await loadLogRecords(pool, wanted.slice(0, mostRevisions))
    if (records.length === 0) throw compacted(wanted[0] ?? 0)
    for (const { revision, record } of records) {
      const next = wanted.shift()
      if (next !== revision) throw compacted(next ?? revision)
      visit(new LogRecord(revision, record))
    }
  }
}

/**
 * The next commits after a revision, a page of them.
 *
 * @throws QError `compacted`
 */
export async function nextRecords(pool: Executor, revision: number): Promise<LogRecord[]> {
  const { records } = await loadLogSince(pool, revision)
  if (records.length > 0 && records[0]?.revision !== revision + 1) throw compacted(revision + 1)
  return records.map(({ revision: each, record }) => new LogRecord(each, record))
}

function compacted(revision: number): QError {
  return new QError('compacted', `the log holds revision ${revision} no longer`)
}
