import type { Executor } from '../pool.ts'

/** The ids of entities and of all their descendants, at most `limit`. */
export async function loadSubtreeIds(executor: Executor, ids: readonly string[], limit: number): Promise<string[]> {
  const { rows } = await executor.query<{ id: string }>({
    name: 'load_subtree_ids',
    text: `
      with recursive subtree as (
        select id from entity where id = any($1::text[])
        union
        select entity.id from subtree join entity on entity.parent_id = subtree.id
      )
      select id from subtree limit $2`,
    values: [ids, limit],
  })
  return rows.map(({ id }) => id)
}

/** A field that refers to an entity. */
export interface ReferenceRow {
  targetId: string
  entityId: string
  fieldId: number
}

/** The fields that refer to entities, at most `limit`. */
export async function loadReferences(
  executor: Executor,
  targetIds: readonly string[],
  limit: number,
): Promise<ReferenceRow[]> {
  const { rows } = await executor.query<ReferenceRow>({
    name: 'load_references',
    text: `
      select target_id as "targetId", entity_id as "entityId", field_id as "fieldId"
      from reference where target_id = any($1::text[]) limit $2`,
    values: [targetIds, limit],
  })
  return rows
}
