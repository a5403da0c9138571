import type { Executor } from '../pool.ts'

/**
 * The revisions after one that deleted entities of these ids, ascending. An id may come again: it can be used anew.
 */
export async function loadTombstones(
  executor: Executor,
  ids: readonly string[],
  revision: number,
): Promise<{ entityId: string; revision: number }[]> {
  const { rows } = await executor.query<{ entityId: string; revision: number }>({
    name: 'load_tombstones',
    text: `
      select entity_id as "entityId", revision from tombstone
      where entity_id = any($1::text[]) and revision > $2 order by revision`,
    values: [ids, revision],
  })
  return rows
}
