import type { Executor } from '../pool.ts'

/** The children of an entity, ordered by name, then id. Parallel arrays. */
export interface ChildrenRow {
  parentId: string
  /** Null: there is no such entity. */
  parentType: string | null
  ids: string[]
  names: string[]
  places: string[]
}

/** The children of entities; the root is the child of the empty id. One row an id, and the revision, of one snapshot. */
export async function loadChildren(
  executor: Executor,
  parentIds: readonly string[],
): Promise<{ revision: number; logId: string; children: ChildrenRow[] }> {
  const { rows } = await executor.query<ChildrenRow & { revision: number; logId: string }>({
    name: 'load_children',
    text: `
      select head.revision, head.log_id as "logId", parent.id as "parentId",
        (select type from entity where entity.id = parent.id) as "parentType", child.ids, child.names, child.places
      from head
      cross join unnest($1::text[]) as parent (id)
      cross join lateral (
        select coalesce(array_agg(id order by name, id), '{}') as ids,
          coalesce(array_agg(name order by name, id), '{}') as names,
          coalesce(array_agg(place order by name, id), '{}') as places
        from entity where parent_id = parent.id
      ) child`,
    values: [parentIds],
  })
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  return { revision: first.revision, logId: first.logId, children: rows }
}
