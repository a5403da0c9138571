import type { Executor } from '../pool.ts'

/** What one look at the log shows. All of one snapshot. */
export interface LogPage {
  logId: string
  /** The newest revision committed. */
  revision: number
  /** The oldest revision in the log. */
  oldestRevision: number
  /** Bytes of `CommitRecord`, in order. */
  records: { revision: number; record: Buffer }[]
}

/** Most records of a page; and most bytes, beyond the first record. */
const pageRecords = 2_000
const pageBytes = 8 * 1_024 * 1_024

/** The head, and the first commits after a revision. */
export async function loadLogSince(executor: Executor, revision: number): Promise<LogPage> {
  const { rows } = await executor.query<{
    logId: string
    head: number
    oldestRevision: number
    revision: number | null
    record: Buffer
  }>({
    name: 'load_log_since',
    text: `
      select head.log_id as "logId", head.revision as head, head.oldest_revision as "oldestRevision",
        page.revision, page.record
      from head
      left join (
        select revision, record, sum(octet_length(record)) over (order by revision) - octet_length(record) as before
        from (select revision, record from log where revision > $1 order by revision limit ${pageRecords}) first
      ) page on page.before < ${pageBytes}
      order by page.revision`,
    values: [revision],
  })
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  return {
    logId: first.logId,
    revision: first.head,
    oldestRevision: first.oldestRevision,
    records: rows.flatMap((row) => (row.revision === null ? [] : [{ revision: row.revision, record: row.record }])),
  }
}
