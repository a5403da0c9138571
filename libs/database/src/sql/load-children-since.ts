import type { Executor } from '../pool.ts'

/** Children of an entity that exist now and did at a revision, ordered by name, then id. */
export async function loadChildrenSince(
  executor: Executor,
  parentId: string,
  revision: number,
): Promise<{ id: string; name: string }[]> {
  const { rows } = await executor.query<{ id: string; name: string }>({
    name: 'load_children_since',
    text: 'select id, name from entity where parent_id = $1 and created_revision <= $2 order by name, id',
    values: [parentId, revision],
  })
  return rows
}

/** Revisions after one that deleted entities, ascending. */
export async function loadDeletingRevisions(executor: Executor, revision: number): Promise<number[]> {
  const { rows } = await executor.query<{ revision: number }>({
    name: 'load_deleting_revisions',
    text: 'select distinct revision from tombstone where revision > $1 order by revision',
    values: [revision],
  })
  return rows.map((row) => row.revision)
}
