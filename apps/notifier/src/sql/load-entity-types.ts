import type { Executor } from '@qcore/database'

/** What is known of an entity: its type, or, if it was deleted within the log's window, the revision that did. */
export interface KnownEntity {
  id: string
  type: string | null
  deletedRevision: number | null
}

/** What is known of entities, by id; those that never were, or were deleted long ago, are left out. */
export async function loadEntityTypes(executor: Executor, ids: readonly string[]): Promise<KnownEntity[]> {
  const { rows } = await executor.query<KnownEntity>({
    name: 'notifier_load_entity_types',
    text: `
      select wanted.id, entity.type, tombstone.revision as "deletedRevision"
      from unnest($1::text[]) as wanted (id)
      left join entity on entity.id = wanted.id
      left join lateral (select max(revision) as revision from tombstone where entity_id = wanted.id) tombstone on true
      where entity.id is not null or tombstone.revision is not null`,
    values: [ids],
  })
  return rows
}
