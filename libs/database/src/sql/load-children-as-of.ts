import type { Executor } from '../pool.ts'

/** The children that an entity had right after a revision, ordered by name, then id; and where the log begins. */
export async function loadChildrenAsOf(
  executor: Executor,
  parentId: string,
  revision: number,
): Promise<{ oldestRevision: number; children: { id: string; name: string }[] }> {
  const { rows } = await executor.query<{ oldestRevision: number; id: string | null; name: string }>({
    name: 'load_children_as_of',
    text: `
      select head.oldest_revision as "oldestRevision", child.id, child.name
      from head
      left join (
        select id, name from entity where parent_id = $1 and created_revision <= $2
        union all
        select entity_id, name from tombstone where parent_id = $1 and revision > $2 and created_revision <= $2
      ) child on true
      order by child.name, child.id`,
    values: [parentId, revision],
  })
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  const children = rows.flatMap(({ id, name }) => (id === null ? [] : [{ id, name }]))
  return { oldestRevision: first.oldestRevision, children }
}
