import type { Executor } from '@qcore/database'

/** The ids of the entities that a type had right after a revision of the log's window; at most so many. */
export async function loadTypeEntities(
  executor: Executor,
  type: string,
  { revision, limit }: { revision: number; limit: number },
): Promise<string[]> {
  const { rows } = await executor.query<{ id: string }>({
    name: 'notifier_load_type_entities',
    text: `
      select id from entity where type = $1 and created_revision <= $2
      union
      select entity_id from tombstone where type = $1 and revision > $2 and created_revision <= $2
      limit $3`,
    values: [type, revision, limit],
  })
  return rows.map(({ id }) => id)
}
