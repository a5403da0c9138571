import type { StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'
import { headColumns, parseHead, type Head, type HeadRow } from './store-head.ts'
import { microseconds, type StoredChange } from './stored-rows.ts'

/** Changes of one answer. */
const pageChanges = 500

export interface ChangePage {
  readonly head: Head
  readonly changes: StoredChange[]
  /** Whether there are none after these, at the revision of the head. */
  readonly isLast: boolean
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

/** The changes after a place in the history, in order, with the head of the same moment. */
export async function loadChanges(
  executor: Executor,
  names: StoreNames,
  after: { revision: number; key: string },
): Promise<ChangePage> {
  const rows = await queryText<ChangeRow>(executor, {
    text: `
      select ${headColumns}, c.revision, c.key, c.value::text, ${microseconds('c.expires_at')}, c.author, c.origin
      from ${names.of('head')} as head left join lateral (
        select * from ${names.of('change')} where (revision, key) > ($1::bigint, $2::text)
        order by revision, key limit ${pageChanges}) as c on true
      order by c.revision, c.key`,
    values: [after.revision, after.key],
  })
  const [first] = rows
  if (first === undefined) throw new Error(`${names.of('head')} has no row`)
  const changes = rows.flatMap(([, , , , revision, key, text, expiresUs, author, origin]) =>
    revision === null ? [] : [{ revision: Number(revision), key, text: text ?? undefined, expiresUs, author, origin }],
  )
  const [storeId, head, oldestRevision, nowMs] = first
  return {
    head: parseHead([storeId, head, oldestRevision, nowMs]),
    changes,
    isLast: changes.length < pageChanges,
  }
}
