import type { Executor } from '../pool.ts'

export interface LogRange {
  /** The least and the greatest revision, both included. */
  from: number
  to: number
  newestFirst: boolean
  limit: number
  /** Bytes of records, beyond the first one. */
  mostBytes: number
}

/** Commits of the log as bytes, in order: the first of a range, as many as its limits allow. */
export async function loadLogRange(
  executor: Executor,
  { from, to, newestFirst, limit, mostBytes }: LogRange,
): Promise<{ revision: number; record: Buffer }[]> {
  const order = newestFirst ? 'desc' : 'asc'
  const { rows } = await executor.query<{ revision: number; record: Buffer }>({
    name: `load_log_range_${order}`,
    text: `
      select revision, record
      from (
        select revision, record, sum(octet_length(record)) over (order by revision ${order}) - octet_length(record) as before
        from (select revision, record from log where revision between $1 and $2 order by revision ${order} limit $3) first
      ) page
      where before < $4
      order by revision ${order}`,
    values: [from, to, limit, mostBytes],
  })
  return rows
}
