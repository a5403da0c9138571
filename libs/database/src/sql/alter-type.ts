import type { IndexKey } from '@qcore/model'
import type { Executor } from '../pool.ts'

/** Deletes schemas. */
export async function deleteSchemas(executor: Executor, types: readonly string[]): Promise<void> {
  await executor.query({
    name: 'delete_schemas',
    text: 'delete from entity_type where name = any($1::text[])',
    values: [types],
  })
}

/** Keeps the schemas that a revision replaces or deletes. */
export async function storeFormerSchemas(
  executor: Executor,
  schemas: readonly { type: string; schema: Uint8Array; sinceRevision: number }[],
  revision: number,
): Promise<void> {
  await executor.query({
    name: 'store_former_schemas',
    text: `
      insert into former_type (name, schema, since_revision, revision)
      select *, $4::bigint from unnest($1::text[], $2::bytea[], $3::bigint[])`,
    values: [
      schemas.map(({ type }) => type),
      schemas.map(({ schema }) => Buffer.from(schema)),
      schemas.map(({ sinceRevision }) => sinceRevision),
      revision,
    ],
  })
}

/** What an entity holds in a field. */
export interface HeldField {
  entityId: string
  /** Bytes of `Value`. */
  value: Buffer
  writeTimeUs: number
  writer: string
}

/**
 * What the entities of a type hold in a field: those after an id, in the order of ids, at most `limit`. The limit is part of
 * the text, and each row is looked up: a plan that does not know how few they are would read the whole table for a page.
 */
export async function loadHeldFields(
  executor: Executor,
  { type, fieldId, afterId, limit }: { type: string; fieldId: number; afterId: string; limit: number },
): Promise<HeldField[]> {
  const { rows } = await executor.query<HeldField>({
    name: `load_held_fields_${limit}`,
    text: `
      select held.id as "entityId", looked_up.value, looked_up.write_time_us as "writeTimeUs", looked_up.writer
      from (select id from entity where type = $1 and id > $3 order by id limit ${limit}) held
      cross join lateral (
        select value, write_time_us, writer from field where entity_id = held.id and field_id = $2 offset 0
      ) looked_up
      order by held.id`,
    values: [type, fieldId, afterId],
  })
  return rows
}

/** A field of an entity with a value that was converted. */
export interface ConvertedField extends Omit<HeldField, 'value'> {
  value: Uint8Array
  key: IndexKey | undefined
}

/** Gives entities a row each for a field. */
export async function storeConvertedFields(
  executor: Executor,
  fields: readonly ConvertedField[],
  { fieldId, revision }: { fieldId: number; revision: number },
): Promise<void> {
  const keyOf = (kind: IndexKey['kind'], key: IndexKey | undefined): unknown =>
    key?.kind === kind ? (typeof key.key === 'object' ? Buffer.from(key.key) : key.key) : null
  await executor.query({
    name: 'store_converted_fields',
    text: `
      insert into field (entity_id, field_id, value, write_time_us, writer, revision, int_key, float_key, text_key)
      select entity_id, $1::int, value, write_time_us, writer, $2::bigint, int_key, float_key, text_key
      from unnest($3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bigint[], $8::double precision[], $9::bytea[])
        as converted (entity_id, value, write_time_us, writer, int_key, float_key, text_key)`,
    values: [
      fieldId,
      revision,
      fields.map(({ entityId }) => entityId),
      fields.map(({ value }) => Buffer.from(value)),
      fields.map(({ writeTimeUs }) => writeTimeUs),
      fields.map(({ writer }) => writer),
      fields.map(({ key }) => keyOf('int', key)),
      fields.map(({ key }) => keyOf('float', key)),
      fields.map(({ key }) => keyOf('text', key)),
    ],
  })
}

/** Takes a field away from the entities of a type; what they held is kept as of before a revision. */
export async function retireField(
  executor: Executor,
  { type, fieldId, revision }: { type: string; fieldId: number; revision: number },
): Promise<void> {
  await executor.query({
    name: 'retire_field',
    text: `
      with gone as (
        delete from field using entity
        where entity.type = $1 and field.entity_id = entity.id and field.field_id = $2
        returning field.*
      )
      insert into former_field (entity_id, field_id, value, write_time_us, writer, since_revision, revision)
      select entity_id, field_id, value, write_time_us, writer, revision, $3::bigint from gone`,
    values: [type, fieldId, revision],
  })
}

/** Lets a field that refers to entities go on as another one. */
export async function moveReferences(executor: Executor, fromFieldId: number, toFieldId: number): Promise<void> {
  await executor.query({
    name: 'move_references',
    text: 'update reference set field_id = $2 where field_id = $1',
    values: [fromFieldId, toFieldId],
  })
}

/** Forgets what a field refers to. */
export async function deleteReferences(executor: Executor, fieldId: number): Promise<void> {
  await executor.query({
    name: 'delete_references',
    text: 'delete from reference where field_id = $1',
    values: [fieldId],
  })
}

/** How many references there are by fields. */
export async function countReferences(executor: Executor, fieldIds: readonly number[]): Promise<Map<number, number>> {
  const { rows } = await executor.query<{ fieldId: number; count: number }>({
    name: 'count_references',
    text: `
      select field_id as "fieldId", count(*)::int as count from reference
      where field_id = any($1::int[]) group by field_id`,
    values: [fieldIds],
  })
  return new Map(rows.map(({ fieldId, count }) => [fieldId, count]))
}

/** How many entities of a type there are, and the ids of some. */
export async function countEntities(
  executor: Executor,
  type: string,
  mostIds: number,
): Promise<{ count: number; ids: string[] }> {
  const { rows } = await executor.query<{ count: number; ids: string[] }>({
    name: 'count_entities',
    text: `
      select (select count(*)::int from entity where type = $1) as count,
        array(select id from entity where type = $1 order by id limit $2) as ids`,
    values: [type, mostIds],
  })
  return rows[0] ?? { count: 0, ids: [] }
}

/** Children of entities of a type that share their name with an older sibling, at most `limit`; and how many there are. */
export async function loadTwins(
  executor: Executor,
  type: string,
  limit: number,
): Promise<{ count: number; twins: { id: string; name: string; parentId: string }[] }> {
  const { rows } = await executor.query<{ count: number; id: string; name: string; parentId: string }>({
    name: 'load_twins',
    text: `
      with twin as (
        select child.id, child.name, child.parent_id,
          row_number() over (partition by child.parent_id, child.name order by child.created_revision, child.id) as nth
        from entity parent join entity child on child.parent_id = parent.id where parent.type = $1
      )
      select count(*) over ()::int as count, id, name, parent_id as "parentId"
      from twin where nth > 1 order by id limit $2`,
    values: [type, limit],
  })
  return { count: rows[0]?.count ?? 0, twins: rows.map(({ id, name, parentId }) => ({ id, name, parentId })) }
}

/** A child without a place; of a parent that has none, the id is null. */
export interface UnplacedChild {
  parentId: string
  id: string | null
  /** The greatest place among its siblings; empty if none has one. */
  lastPlace: string
}

/**
 * The children without a place of the entities of a type: of those after an id, at most `limit` entities. Ordered by
 * parent, then name, then id; a parent without such children has a row too.
 */
export async function loadUnplacedChildren(
  executor: Executor,
  { type, afterId, limit }: { type: string; afterId: string; limit: number },
): Promise<UnplacedChild[]> {
  const { rows } = await executor.query<UnplacedChild>({
    name: `load_unplaced_children_${limit}`,
    text: `
      select parent.id as "parentId", child.id, coalesce(last.place, '') as "lastPlace"
      from (select id from entity where type = $1 and id > $2 order by id limit ${limit}) parent
      left join lateral (
        select id, name from entity where parent_id = parent.id and place = '' offset 0
      ) child on true
      left join lateral (
        select place from entity where parent_id = parent.id and place <> '' order by place desc limit 1
      ) last on true
      order by parent.id, child.name, child.id`,
    values: [type, afterId],
  })
  return rows
}

/** Gives children places. The arrays are parallel. */
export async function storePlaces(
  executor: Executor,
  { ids, places }: { ids: readonly string[]; places: readonly string[] },
): Promise<void> {
  await executor.query({
    name: 'store_places',
    text: `
      update entity set place = placed.place
      from unnest($1::text[], $2::text[]) as placed (id, place) where entity.id = placed.id`,
    values: [ids, places],
  })
}
