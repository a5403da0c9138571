import type { StoreNames } from '../store-names.ts'
import { queryText, type Executor } from './executor.ts'

/** A key as it is stored. */
export interface PresentEntry {
  /** The JSON text as PostgreSQL writes it. */
  readonly text: string
  readonly revision: number
  readonly expires: boolean
  /** False if its time is over: it is deleted soon, and nobody reads it. */
  readonly isVisible: boolean
}

/** What a writer decides from. */
export interface PresentConfig {
  /** Identifies the store. */
  readonly storeId: string
  /** The head's. */
  readonly revision: number
  /** Without those that are not there. */
  readonly entries: ReadonlyMap<string, PresentEntry>
}

type PresentRow = readonly [
  storeId: string,
  head: string,
  key: string | null,
  text: string,
  revision: string,
  expires: 't' | 'f',
  isVisible: 't' | 'f',
]

/** Some keys, and the head, of one moment. */
export async function loadPresent(
  executor: Executor,
  names: StoreNames,
  keys: readonly string[],
): Promise<PresentConfig> {
  const rows = await queryText<PresentRow>(executor, {
    text: `
      select head.store_id, head.revision, t.key, t.value::text, t.revision, t.expires_at is not null,
        t.expires_at is null or t.expires_at > clock_timestamp()
      from ${names.of('head')} as head left join ${names.table} as t on t.key = any($1::text[])`,
    values: [keys],
  })
  const [first] = rows
  if (first === undefined) throw new Error(`${names.of('head')} has no row`)
  const entries = new Map<string, PresentEntry>()
  for (const [, , key, text, revision, expires, isVisible] of rows) {
    if (key === null) continue
    entries.set(key, { text, revision: Number(revision), expires: expires === 't', isVisible: isVisible === 't' })
  }
  const [storeId, revision] = first
  return { storeId, revision: Number(revision), entries }
}
