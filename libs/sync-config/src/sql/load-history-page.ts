import type { StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'
import type { HistoryRecord } from './history.ts'

/** Where a page of the history ended. */
export interface HistoryPosition {
  readonly revision: number
  readonly key: string
}

export interface HistoryPageRequest {
  /** Empty: all with the prefix. */
  readonly key: string
  readonly prefix: string
  /** Only keys that begin with one of these. */
  readonly readablePrefixes: readonly string[]
  /** Only changes before this revision. */
  readonly before: number
  /** Only changes after this one, in the order of the page. */
  readonly after: HistoryPosition | undefined
  readonly limit: number
}

/** A row of the history; `logRevision` is that of the platform's log, 0 if another one made the change. */
export interface PlatformHistoryRecord extends HistoryRecord {
  readonly logRevision: number
}

/** A page has at most so many bytes before its last change: as they are stored, that is packed. */
const mostStoredBytes = 200_000

type Row = readonly [
  key: string,
  revision: string,
  text: string | null,
  previousText: string | null,
  author: string,
  origin: string,
  changedAtMs: string,
  logRevision: string | null,
]

/** Changes, the newest revision first, by key within one. */
export async function loadHistoryPage(
  executor: Executor,
  names: StoreNames,
  { key, prefix, readablePrefixes, before, after, limit }: HistoryPageRequest,
): Promise<PlatformHistoryRecord[]> {
  const values: unknown[] = [before, limit]
  const add = (value: unknown): string => `$${values.push(value)}`
  const conditions = ['revision < $1::bigint']
  if (key !== '') conditions.push(`key = ${add(key)}`)
  else if (prefix !== '') conditions.push(`starts_with(key, ${add(prefix)})`)
  if (!readablePrefixes.includes('')) {
    conditions.push(
      `exists (select from unnest(${add(readablePrefixes)}::text[]) as start where starts_with(key, start))`,
    )
  }
  if (after !== undefined) {
    const revision = add(after.revision)
    conditions.push(`revision <= ${revision}::bigint`)
    conditions.push(`(revision < ${revision}::bigint or key > ${add(after.key)} collate "C")`)
  }
  const rows = await queryText<Row>(executor, {
    text: `
      with found as (
        select revision, key, pg_column_size(value) as bytes, pg_column_size(previous) as previous_bytes
        from ${names.of('change')} where ${conditions.join(' and ')}
        order by revision desc, key limit $2
      ), page as (
        select revision, key,
          sum(coalesce(bytes, 0) + coalesce(previous_bytes, 0)) over (order by revision desc, key)
            - coalesce(bytes, 0) - coalesce(previous_bytes, 0) as bytes_before
        from found
      )
      select c.key, c.revision, c.value::text, c.previous::text, c.author, c.origin,
        extract(epoch from c.changed_at) * 1000, c.log_revision
      from page join ${names.of('change')} as c on c.revision = page.revision and c.key = page.key
      where page.bytes_before < ${mostStoredBytes} order by c.revision desc, c.key`,
    values,
  })
  return rows.map(([key, revision, text, previousText, author, origin, changedAtMs, logRevision]) => ({
    key,
    revision: Number(revision),
    text,
    previousText,
    author,
    origin,
    changedAtMs: Number(changedAtMs),
    logRevision: Number(logRevision ?? 0),
  }))
}
