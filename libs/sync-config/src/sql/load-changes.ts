import type { StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'
import { headColumns, parseHead, type Head, type HeadRow } from './store-head.ts'
import { microseconds, type StoredChange } from './stored-rows.ts'

/** A change, and what the key held before: JSON, or undefined. */
export interface PastChange extends StoredChange {
  readonly previousText: string | undefined
}

/** Revisions of one answer. With both ends named, PostgreSQL takes the index however little it knows of the table. */
const pageRevisions = 200
/** A page ends with the revision that brings it to so many bytes: as they are stored, that is packed. */
const enoughStoredBytes = 200_000

export interface ChangePage<Change extends StoredChange = StoredChange> {
  readonly head: Head
  /** In the order of their revisions. */
  readonly changes: Change[]
  /** All changes up to this revision are in the page. */
  readonly until: number
}

type ChangeRow = readonly [
  ...HeadRow,
  revision: string | null,
  key: string,
  text: string | null,
  expiresUs: string,
  author: string,
  origin: string,
]

type PageRow = readonly [...ChangeRow, previous: string | null, found: string | null]

const changeColumns = `${headColumns}, c.revision, c.key, c.value, ${microseconds('c.expires_at')}, c.author, c.origin`

/** The changes of the revision after one, with the head of the same moment. PostgreSQL tells them sooner than a page. */
export async function loadNextChanges(executor: Executor, names: StoreNames, after: number): Promise<ChangePage> {
  const rows = await queryText<ChangeRow>(executor, {
    text: `
      select ${changeColumns}
      from ${names.of('head')} as head left join ${names.of('change')} as c on c.revision = $1::bigint
      order by c.key`,
    values: [after + 1],
  })
  const head = headOf(rows, names)
  return { head, changes: rows.flatMap(parseChange), until: Math.min(head.revision, after + 1) }
}

/** The changes after a revision, with the head of the same moment. */
export async function loadChanges(executor: Executor, names: StoreNames, after: number): Promise<ChangePage> {
  return loadPage(executor, names, { after, previous: 'null' })
}

/** The same, with what was there before. */
export async function loadPastChanges(
  executor: Executor,
  names: StoreNames,
  after: number,
): Promise<ChangePage<PastChange>> {
  return loadPage(executor, names, { after, previous: 'c.previous::text' })
}

async function loadPage(
  executor: Executor,
  names: StoreNames,
  { after, previous }: { after: number; previous: string },
): Promise<ChangePage<PastChange>> {
  const rows = await queryText<PageRow>(executor, {
    text: `
      select ${changeColumns}, ${previous}, c.found
      from ${names.of('head')} as head left join (
        select revision, key, value, previous, expires_at, author, origin, count(*) over () as found,
          sum(coalesce(pg_column_size(value), 0) + coalesce(pg_column_size(previous), 0))
            over (order by revision range between unbounded preceding and 1 preceding) as bytes_before
        from ${names.of('change')} where revision > $1::bigint and revision <= $2::bigint
      ) as c on coalesce(c.bytes_before, 0) < ${enoughStoredBytes}
      order by c.revision, c.key`,
    values: [after, after + pageRevisions],
  })
  const head = headOf(rows, names)
  const changes = rows.flatMap((row) =>
    parseChange(row).map((change) => ({ ...change, previousText: row[10] ?? undefined })),
  )
  const last = changes.at(-1)
  const isCut = last !== undefined && changes.length < Number(rows[0]?.[11])
  return { head, changes, until: isCut ? last.revision : Math.min(head.revision, after + pageRevisions) }
}

function headOf(rows: readonly (readonly [...HeadRow, ...unknown[]])[], names: StoreNames): Head {
  const [first] = rows
  if (first === undefined) throw new Error(`${names.of('head')} has no row`)
  const [storeId, revision, oldestRevision, nowMs] = first
  return parseHead([storeId, revision, oldestRevision, nowMs])
}

/** None if the row is of the head alone. */
function parseChange(row: ChangeRow | PageRow): StoredChange[] {
  const [, , , , revision, key, text, expiresUs, author, origin] = row
  if (revision === null) return []
  return [{ revision: Number(revision), key, text: text ?? undefined, expiresUs, author, origin }]
}
