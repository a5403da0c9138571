import type { Executor } from '../pool.ts'

/** Of entities, those that were deleted within the log's window, and the revisions that deleted them last. */
export async function loadTombstones(
  executor: Executor,
  ids: readonly string[],
): Promise<{ entityId: string; revision: number }[]> {
  const { rows } = await executor.query<{ entityId: string; revision: number }>({
    name: 'load_tombstones',
    text: 'select entity_id as "entityId", revision from tombstone where entity_id = any($1::text[])',
    values: [ids],
  })
  return rows
}
