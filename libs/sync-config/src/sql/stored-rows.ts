/** A row of the table of the values. */
export interface StoredEntry {
  readonly key: string
  /** The JSON text as PostgreSQL writes it. */
  readonly text: string
  /** Microseconds since 1970; empty if it does not expire. */
  readonly expiresUs: string
  readonly revision: number
}

/** A row of the history; the text is undefined if the key was deleted. */
export interface StoredChange extends Omit<StoredEntry, 'text'> {
  readonly text: string | undefined
  readonly author: string
  readonly origin: string
}

/** Microseconds since 1970 of a timestamptz, as the digest counts them. */
export function microseconds(column: string): string {
  return `coalesce((extract(epoch from ${column}) * 1000000)::bigint::text, '')`
}

export type EntryRow = readonly [key: string, text: string, expiresUs: string, revision: string]

/** The columns of an EntryRow. */
export const entryColumns = `key, value::text, ${microseconds('expires_at')}, revision`

export function parseEntry([key, text, expiresUs, revision]: EntryRow): StoredEntry {
  return { key, text, expiresUs, revision: Number(revision) }
}
