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
  previous: string | null,
]

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
  const rows = await queryText<ChangeRow>(executor, {
    text: `
      select ${headColumns}, c.revision, c.key, c.value, ${microseconds('c.expires_at')}, c.author, c.origin, ${previous}
      from ${names.of('head')} as head left join ${names.of('change')} as c
        on c.revision > $1::bigint and c.revision <= $2::bigint
      order by c.revision, c.key`,
    values: [after, after + pageRevisions],
  })
  const [first] = rows
  if (first === undefined) throw new Error(`${names.of('head')} has no row`)
  const [storeId, revision, oldestRevision, nowMs] = first
  const head = parseHead([storeId, revision, oldestRevision, nowMs])
  return {
    head,
    changes: rows.flatMap(([, , , , revision, key, text, expiresUs, author, origin, previousText]) => {
      if (revision === null) return []
      const texts = { text: text ?? undefined, previousText: previousText ?? undefined }
      return [{ revision: Number(revision), key, expiresUs, author, origin, ...texts }]
    }),
    until: Math.min(head.revision, after + pageRevisions),
  }
}
