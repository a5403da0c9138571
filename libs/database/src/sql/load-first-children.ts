import type { Executor } from '../pool.ts'

export interface FirstChildRow {
  parentId: string
  id: string
  name: string
  place: string
}

/** Children of entities, ordered by name, then id, of each entity at most so many. */
export async function loadFirstChildren(
  executor: Executor,
  parentIds: readonly string[],
  most: number,
): Promise<FirstChildRow[]> {
  const { rows } = await executor.query<FirstChildRow>({
    name: 'load_first_children',
    text: `
      select parent.id as "parentId", child.id, child.name, child.place
      from unnest($1::text[]) as parent (id)
      cross join lateral (
        select id, name, place from entity where parent_id = parent.id order by name, id limit $2
      ) child
      order by parent.id, child.name, child.id`,
    values: [parentIds, most],
  })
  return rows
}
