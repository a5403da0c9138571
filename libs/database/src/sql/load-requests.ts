import type { Executor } from '../pool.ts'

/** A commit that had an idempotency key. */
export interface RequestRow {
  key: string
  revision: number
  fingerprint: Buffer
  /** Bytes of `CommitResponse`, without the ids that the request itself names. */
  response: Buffer
}

/** The commits that had one of these idempotency keys, within the log's window. */
export async function loadRequests(executor: Executor, keys: readonly string[]): Promise<RequestRow[]> {
  const { rows } = await executor.query<RequestRow>({
    name: 'load_requests',
    text: 'select key, revision, fingerprint, response from request where key = any($1::text[])',
    values: [keys],
  })
  return rows
}
