import type { Executor } from '../pool.ts'

/** The ids of the entities of a type that there were right after a revision, at most `limit`. */
export async function loadIdsAsOf(
  executor: Executor,
  { type, revision, limit }: { type: string; revision: number; limit: number },
): Promise<string[]> {
  const { rows } = await executor.query<{ id: string }>({
    name: 'load_ids_as_of',
    text: `
      (select id from entity where type = $1 and created_revision <= $2 limit $3)
      union all
      (select entity_id from tombstone where type = $1 and revision > $2 and created_revision <= $2 limit $3)
      limit $3`,
    values: [type, revision, limit],
  })
  return rows.map(({ id }) => id)
}
