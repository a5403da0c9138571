import type { Executor } from '../pool.ts'

/** An entity with its fields, as stored. */
export interface EntityRow {
  id: string
  type: string
  name: string
  parentId: string
  /** The root has depth 1. */
  depth: number
  createdRevision: number
  structureRevision: number
  place: string
  /** Parallel arrays, one element a field, in the order of field ids. */
  fieldIds: number[]
  /** Bytes of `Value`. */
  values: Buffer[]
  writeTimesUs: number[]
  writers: string[]
  revisions: number[]
}

/**
 * Entities by id, with their fields; unknown ids are left out. All rows, and the revision, are of one snapshot.
 */
export async function loadEntities(
  executor: Executor,
  ids: readonly string[],
): Promise<{ revision: number; logId: string; entities: EntityRow[] }> {
  const { rows } = await executor.query<EntityRow & { revision: number; logId: string; id: string | null }>({
    name: 'load_entities',
    text: `
      select head.revision, head.log_id as "logId", e.id, e.type, e.name, e.parent_id as "parentId", e.depth,
        e.created_revision as "createdRevision",
        greatest(e.structure_revision, e.created_revision) as "structureRevision", e.place,
        f.field_ids as "fieldIds", f.values, f.write_times_us as "writeTimesUs", f.writers, f.revisions
      from head
      left join entity e on e.id = any($1::text[])
      left join lateral (
        select
          coalesce(array_agg(field_id order by field_id), '{}') as field_ids,
          coalesce(array_agg(value order by field_id), '{}') as values,
          coalesce(array_agg(write_time_us order by field_id), '{}') as write_times_us,
          coalesce(array_agg(writer order by field_id), '{}') as writers,
          coalesce(array_agg(field.revision order by field_id), '{}') as revisions
        from field where entity_id = e.id
      ) f on true`,
    values: [ids],
  })
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  return { revision: first.revision, logId: first.logId, entities: rows.filter((row) => row.id !== null) }
}
