import type { Executor } from '../pool.ts'

/** Bytes of records that one statement gives, beyond the first one. */
const mostBytes = 8 * 1_024 * 1_024

/**
 * Single commits of the log as bytes, ascending: the first of those asked for, as many as may be in memory at a time.
 * Those that were compacted are left out.
 */
export async function loadLogRecords(
  executor: Executor,
  revisions: readonly number[],
): Promise<{ revision: number; record: Buffer }[]> {
  const { rows } = await executor.query<{ revision: number; record: Buffer }>({
    name: 'load_log_records',
    text: `
      select revision, record
      from (
        select revision, record, sum(octet_length(record)) over (order by revision) - octet_length(record) as before
        from log where revision = any($1::bigint[])
      ) page
      where before < ${mostBytes}
      order by revision`,
    values: [revisions],
  })
  return rows
}
