import { bucketOfKey } from '../digest.ts'
import type { StoreNames } from '../store-names.ts'
import { queryText, tableTimeoutMs, type Executor } from './executor.ts'
import { headColumns, parseHead, type Head, type HeadRow } from './store-head.ts'
import { entryColumns, parseEntry, type EntryRow, type StoredEntry } from './stored-rows.ts'

/** The digests of the buckets as the rows are now, whatever the triggers made of them. */
export async function readDigests(
  executor: Executor,
  names: StoreNames,
): Promise<{ head: Head; buckets: Map<number, bigint> }> {
  const rows = await queryText<readonly [...HeadRow, bucket: string | null, digest: string]>(executor, {
    text: `
      select ${headColumns}, b.bucket, b.digest from ${names.of('head')} as head
      left join (select ${bucketOfKey} as bucket, bit_xor(digest) as digest from ${names.table} group by 1) as b on true`,
    timeoutMs: tableTimeoutMs,
  })
  const [first] = rows
  if (first === undefined) throw new Error(`${names.of('head')} has no row`)
  const [storeId, revision, oldestRevision, nowMs] = first
  return {
    head: parseHead([storeId, revision, oldestRevision, nowMs]),
    buckets: new Map(
      rows.flatMap(([, , , , bucket, digest]) => (bucket === null ? [] : [[Number(bucket), BigInt(digest)] as const])),
    ),
  }
}

/** The entries of some buckets. */
export async function loadBuckets(
  executor: Executor,
  names: StoreNames,
  buckets: readonly number[],
): Promise<{ head: Head; entries: StoredEntry[] }> {
  const rows = await queryText<readonly [...HeadRow, ...EntryRow] | readonly [...HeadRow, null]>(executor, {
    text: `
      select ${headColumns}, e.* from ${names.of('head')} as head
      left join (select ${entryColumns} from ${names.table} where ${bucketOfKey} = any($1::int[])) as e on true`,
    values: [buckets],
    timeoutMs: tableTimeoutMs,
  })
  const [first] = rows
  if (first === undefined) throw new Error(`${names.of('head')} has no row`)
  const [storeId, revision, oldestRevision, nowMs] = first
  return {
    head: parseHead([storeId, revision, oldestRevision, nowMs]),
    entries: rows.flatMap(([, , , , key, text, expiresUs, revision]) =>
      key === null || text === undefined || expiresUs === undefined || revision === undefined
        ? []
        : [parseEntry([key, text, expiresUs, revision])],
    ),
  }
}
