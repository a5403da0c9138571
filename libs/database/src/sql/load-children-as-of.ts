import type { Executor } from '../pool.ts'
import type { ChildrenRow } from './load-children.ts'

/**
 * The children that entities had right after a revision, ordered by name, then id, one row an id; and where the log
 * begins. Of one snapshot.
 */
export async function loadChildrenAsOf(
  executor: Executor,
  parentIds: readonly string[],
  revision: number,
): Promise<{ oldestRevision: number; children: ChildrenRow[] }> {
  const { rows } = await executor.query<ChildrenRow & { oldestRevision: number }>({
    name: 'load_children_as_of',
    text: `
      select head.oldest_revision as "oldestRevision", parent.id as "parentId",
        coalesce(
          (select type from entity where entity.id = parent.id and created_revision <= $2),
          (select type from tombstone where entity_id = parent.id and created_revision <= $2 and revision > $2)
        ) as "parentType", child.ids, child.names, child.places
      from head
      cross join unnest($1::text[]) as parent (id)
      cross join lateral (
        select coalesce(array_agg(id order by name, id), '{}') as ids,
          coalesce(array_agg(name order by name, id), '{}') as names,
          coalesce(array_agg(place order by name, id), '{}') as places
        from (
          select id, name, place from entity
          where parent_id = parent.id and created_revision <= $2 and structure_revision <= $2
          union
          select entity_id, name, place from tombstone
          where parent_id = parent.id and revision > $2 and created_revision <= $2 and structure_revision <= $2
          union
          select entity_id, name, place from former_place
          where parent_id = parent.id and revision > $2 and since_revision <= $2
        ) held
      ) child`,
    values: [parentIds, revision],
  })
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  return { oldestRevision: first.oldestRevision, children: rows }
}
