import type { Executor } from '../pool.ts'
import type { EventKeyRow } from '../event-rows.ts'

/** Keys that events were emitted with, also those that do not count any more. The two lists belong together. */
export async function loadEventKeys(
  executor: Executor,
  namespaces: readonly string[],
  keys: readonly string[],
): Promise<EventKeyRow[]> {
  const { rows } = await executor.query<EventKeyRow>({
    name: 'load_event_keys',
    text: `
      select namespace, key, revision, event_index as index, expires_us as "expiresUs"
      from unnest($1::text[], $2::text[]) as asked (asked_namespace, asked_key)
      join event_key on namespace = asked_namespace and key = asked_key`,
    values: [namespaces, keys],
  })
  return rows
}

/** Deletes keys that do not count any more; returns how many. */
export async function deleteEventKeysBefore(executor: Executor, nowUs: number, limit: number): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'delete_event_keys_before',
    text: `
      delete from event_key where (namespace, key) in (
        select namespace, key from event_key where expires_us <= $1::bigint order by expires_us limit $2)
      and expires_us <= $1::bigint`,
    values: [nowUs, limit],
  })
  return rowCount ?? 0
}
