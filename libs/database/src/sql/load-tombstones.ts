import type { Executor } from '../pool.ts'

/**
 * The revisions that deleted, of the entities with these ids, those that existed right after a revision. An id can be used
 * anew, but at most one entity has it at a time.
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
      where entity_id = any($1::text[]) and revision > $2 and created_revision <= $2`,
    values: [ids, revision],
  })
  return rows
}
