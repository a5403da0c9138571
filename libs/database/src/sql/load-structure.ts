import type { Executor } from '../pool.ts'

/** The ids of entities and of all their ancestors. */
export async function loadAncestorIds(executor: Executor, ids: readonly string[]): Promise<string[]> {
  const { rows } = await executor.query<{ id: string }>({
    name: 'load_ancestor_ids',
    text: `
      with recursive above as (
        select id, parent_id from entity where id = any($1::text[])
        union
        select entity.id, entity.parent_id from above join entity on entity.id = above.parent_id
      )
      select id from above`,
    values: [ids],
  })
  return rows.map(({ id }) => id)
}

/** How many levels there are below entities; 0: an entity has no children. */
export async function loadHeights(executor: Executor, ids: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await executor.query<{ id: string; height: number }>({
    name: 'load_heights',
    text: `
      with recursive below as (
        select id as top_id, id, 0 as height from entity where id = any($1::text[])
        union all
        select below.top_id, entity.id, below.height + 1 from below join entity on entity.parent_id = below.id
      )
      select top_id as id, max(height) as height from below group by top_id`,
    values: [ids],
  })
  return new Map(rows.map(({ id, height }) => [id, height]))
}

/** An entity of a name that was asked for. */
export interface NamedChild {
  parentId: string
  name: string
  id: string
}

/** The children of some names. The arrays are parallel: one element a question. */
export async function loadNamedChildren(
  executor: Executor,
  { parentIds, names }: { parentIds: readonly string[]; names: readonly string[] },
): Promise<NamedChild[]> {
  const { rows } = await executor.query<NamedChild>({
    name: 'load_named_children',
    text: `
      select entity.parent_id as "parentId", entity.name, entity.id
      from unnest($1::text[], $2::text[]) as wanted (parent_id, name)
      join entity on entity.parent_id = wanted.parent_id and entity.name = wanted.name`,
    values: [parentIds, names],
  })
  return rows
}

/** The greatest places of the children of entities. */
export async function loadLastPlaces(executor: Executor, parentIds: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await executor.query<{ parentId: string; place: string }>({
    name: 'load_last_places',
    text: `
      select parent.id as "parentId", last.place
      from unnest($1::text[]) as parent (id)
      cross join lateral (
        select place from entity where parent_id = parent.id and place <> '' order by place desc limit 1
      ) last`,
    values: [parentIds],
  })
  return new Map(rows.map(({ parentId, place }) => [parentId, place]))
}

/** The places right before those of entities, of their siblings. */
export async function loadPreviousPlaces(
  executor: Executor,
  ids: readonly string[],
): Promise<{ parentId: string; place: string }[]> {
  const { rows } = await executor.query<{ parentId: string; place: string }>({
    name: 'load_previous_places',
    text: `
      select next.parent_id as "parentId", previous.place
      from entity next
      cross join lateral (
        select place from entity
        where parent_id = next.parent_id and place <> '' and place < next.place order by place desc limit 1
      ) previous
      where next.id = any($1::text[])`,
    values: [ids],
  })
  return rows
}

/** Gives the descendants of moved entities the levels that they are on now. */
export async function storeDepths(executor: Executor, moved: ReadonlyMap<string, number>): Promise<void> {
  await executor.query({
    name: 'store_depths',
    text: `
      with recursive below as (
        select id collate "C" as id, depth from unnest($1::text[], $2::int[]) as moved (id, depth)
        union
        select entity.id, below.depth + 1 from below join entity on entity.parent_id = below.id
      )
      update entity set depth = below.depth from below where entity.id = below.id and entity.depth <> below.depth`,
    values: [[...moved.keys()], [...moved.values()]],
  })
}
