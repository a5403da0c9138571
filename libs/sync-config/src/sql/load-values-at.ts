import type { StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'

/** What a key held. */
export interface FormerValue {
  readonly key: string
  /** The JSON text; undefined if the key was not there. */
  readonly text: string | undefined
}

/** What the keys that changed since a revision held at it; of one key, or of all with a prefix. */
export async function loadValuesAt(
  executor: Executor,
  names: StoreNames,
  { revision, key, prefix, limit }: { revision: number; key: string; prefix: string; limit: number },
): Promise<FormerValue[]> {
  const rows = await queryText<readonly [key: string, text: string | null]>(executor, {
    text: `
      select distinct on (key) key, previous::text from ${names.of('change')}
      where revision > $1::bigint and ($2 = '' or key = $2) and starts_with(key, $3) order by key, revision limit $4`,
    values: [revision, key, prefix, limit],
  })
  return rows.map(([key, text]) => ({ key, text: text ?? undefined }))
}
