import type { StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'

type HistoryRow = readonly [
  key: string,
  revision: string,
  text: string | null,
  previousText: string | null,
  author: string,
  origin: string,
  changedAtMs: string,
]

/** A row of the history, with JSON texts as PostgreSQL writes them. */
export interface HistoryRecord {
  readonly key: string
  readonly revision: number
  readonly text: string | null
  readonly previousText: string | null
  readonly author: string
  readonly origin: string
  readonly changedAtMs: number
}

/** Changes before a revision, the newest first; of one key, or of all. */
export async function loadHistory(
  executor: Executor,
  names: StoreNames,
  { key, before, limit }: { key: string | undefined; before: number | undefined; limit: number },
): Promise<HistoryRecord[]> {
  const rows = await queryText<HistoryRow>(executor, {
    text: `
      select key, revision, value::text, previous::text, author, origin, extract(epoch from changed_at) * 1000
      from ${names.of('change')}
      where revision < coalesce($1::bigint, 9223372036854775807) ${key === undefined ? '' : 'and key = $3'}
      order by revision desc, key limit $2`,
    values: [before ?? null, limit, ...(key === undefined ? [] : [key])],
  })
  return rows.map(([key, revision, text, previousText, author, origin, changedAtMs]) => ({
    key,
    revision: Number(revision),
    text,
    previousText,
    author,
    origin,
    changedAtMs: Number(changedAtMs),
  }))
}

/** How many changes are dropped at a time, and the rest of the last revision among them. */
export const compactBatch = 5_000

/** Drops what is older from the history. Returns how many changes it were; from `compactBatch` on there may be more. */
export async function compactHistory(executor: Executor, names: StoreNames, olderThanMs: number): Promise<number> {
  const [row] = await queryText<readonly [count: string]>(executor, {
    text: `
      with last as (
        select revision from ${names.of('change')}
        where changed_at < clock_timestamp() - $1::double precision * interval '1 ms' order by revision limit ${compactBatch}
      ), gone as (
        delete from ${names.of('change')} where revision <= (select max(revision) from last) returning revision
      ), head as (
        update ${names.of('head')} set oldest_revision = greatest(oldest_revision, 1 + (select max(revision) from gone))
        where exists (select from gone)
      )
      select count(*) from gone`,
    values: [olderThanMs],
  })
  return Number(row?.[0] ?? 0)
}

/** Deletes entries whose time is over. Returns whether there were any. */
export async function deleteExpired(executor: Executor, names: StoreNames, origin: string): Promise<boolean> {
  const rows = await queryText(executor, {
    text: `
      with named as materialized (
        select set_config('qcore_config.author', 'expiry', true), set_config('qcore_config.origin', $1, true)
      )
      delete from ${names.table} using named where expires_at <= clock_timestamp() returning key`,
    values: [origin],
  })
  return rows.length > 0
}
