import type { Executor } from '@qcore/database'
import { restoreTables } from '../restore-tables.ts'
import type { Scope } from './comparison.ts'
import { differs, targetFields } from './differences.ts'

/**
 * Advances the head by one, as the first statement of a transaction, and so holds it until the end. Returns the new
 * revision; undefined: a writer that was deposed must not go on.
 */
export async function holdHead(
  executor: Executor,
  { epoch, revision }: { epoch: number; revision: number },
): Promise<number | undefined> {
  const { rows } = await executor.query<{ revision: number }>({
    text: 'update head set revision = revision + 1 where epoch = $1 and revision = $2 returning revision',
    values: [epoch, revision],
  })
  return rows[0]?.revision
}

/** The first field id that is free in the store. */
export async function readNextFieldId(executor: Executor): Promise<number> {
  const { rows } = await executor.query<{ next: number }>('select next_field_id as next from head')
  return rows[0]?.next ?? 1
}

/** Deletes types. Returns how many. */
export async function deleteTypes(executor: Executor, names: readonly string[]): Promise<number> {
  const { rowCount } = await executor.query({
    text: 'delete from entity_type where name = any($1::text[])',
    values: [names],
  })
  return rowCount ?? 0
}

/** Deletes the fields that the restore does not have. Returns how many. */
export async function deleteFields(executor: Executor, { id, isWhole }: Scope): Promise<number> {
  const { entity } = restoreTables(id)
  const inScope = `
    and (exists (select from restore_gone g where g.id = f.entity_id)
      or exists (select from ${entity} s where s.id = f.entity_id))`
  const { rowCount } = await executor.query(`
    delete from field f
    where not exists (
      select from (${targetFields(id)}) t where t.entity_id = f.entity_id and t.field_id = f.field_id)
    ${isWhole ? '' : inScope}`)
  return rowCount ?? 0
}

/** Writes the fields that differ. Returns how many. */
export async function writeFields(executor: Executor, { id }: Scope, revision: number): Promise<number> {
  const { rowCount } = await executor.query({
    text: `
      insert into field (entity_id, field_id, value, write_time_us, writer, revision, int_key, float_key, text_key)
      select t.entity_id, t.field_id, t.value, t.write_time_us, t.writer, $1::bigint, t.int_key, t.float_key, t.text_key
      from (${targetFields(id)}) t left join field f on f.entity_id = t.entity_id and f.field_id = t.field_id
      where f.entity_id is null or ${differs}
      on conflict (entity_id, field_id) do update set
        value = excluded.value, write_time_us = excluded.write_time_us, writer = excluded.writer,
        revision = excluded.revision, int_key = excluded.int_key, float_key = excluded.float_key,
        text_key = excluded.text_key`,
    values: [revision],
  })
  return rowCount ?? 0
}

/** Clears the references to deleted entities, in fields that are not restored. Returns how many fields. */
export async function writeCleared(
  executor: Executor,
  { revision, timeUs, writer }: { revision: number; timeUs: number; writer: string },
): Promise<number> {
  const { rowCount } = await executor.query({
    text: `
      update field f set value = c.value, text_key = c.text_key, write_time_us = $2, writer = $3, revision = $1
      from restore_cleared c where c.entity_id = f.entity_id and c.field_id = f.field_id`,
    values: [revision, timeUs, writer],
  })
  return rowCount ?? 0
}

/** Deletes entities. Returns how many. */
export async function deleteEntities(executor: Executor): Promise<number> {
  const { rowCount } = await executor.query('delete from entity e using restore_gone g where e.id = g.id')
  return rowCount ?? 0
}

/**
 * Creates and changes entities. One that exists keeps the revision of its creation, unless its type becomes another.
 *
 * @param depth of the parent of the topmost entity
 */
export async function writeEntities(
  executor: Executor,
  { id }: Scope,
  { revision, depth }: { revision: number; depth: number },
): Promise<number> {
  const { entity } = restoreTables(id)
  const { rowCount } = await executor.query({
    text: `
      insert into entity (id, type, name, parent_id, place, depth, created_revision, structure_revision)
      select s.id, s.type, s.name, s.parent_id, s.place, s.depth + $2::int, $1::bigint, $1::bigint
      from ${entity} s left join entity e on e.id = s.id
      where e.id is null
        or (e.type, e.name, e.parent_id, e.place, e.depth)
          is distinct from (s.type, s.name, s.parent_id, s.place, s.depth + $2::int)
      on conflict (id) do update set
        type = excluded.type, name = excluded.name, parent_id = excluded.parent_id, place = excluded.place,
        depth = excluded.depth, structure_revision = excluded.structure_revision,
        created_revision = case when entity.type = excluded.type then entity.created_revision else excluded.created_revision end`,
    values: [revision, depth],
  })
  return rowCount ?? 0
}

/** Deletes what fields refer to no longer. */
export async function deleteReferences(executor: Executor, { id, isWhole }: Scope): Promise<void> {
  const { entity, reference } = restoreTables(id)
  const inScope = `
    and (exists (select from restore_gone g where g.id in (r.entity_id, r.target_id))
      or exists (select from ${entity} s where s.id = r.entity_id))`
  await executor.query(`
    delete from reference r
    where not exists (
      select from ${reference} s join restore_map m on m.field_key = s.field_key
      where s.target_id = r.target_id and s.entity_id = r.entity_id and m.field_id = r.field_id)
    ${isWhole ? '' : inScope}`)
}

/** Adds what fields refer to. */
export async function insertReferences(executor: Executor, { id }: Scope): Promise<void> {
  const { reference } = restoreTables(id)
  await executor.query(`
    insert into reference (target_id, entity_id, field_id)
    select s.target_id, s.entity_id, m.field_id from ${reference} s join restore_map m on m.field_key = s.field_key
    on conflict do nothing`)
}

/**
 * Begins another history, whose first revision is the one of the head, and renews the lease. Returns what names the
 * history, and the time in microseconds.
 */
export async function beginHistory(
  executor: Executor,
  { nextFieldId, leaseMs }: { nextFieldId: number; leaseMs: number },
): Promise<{ logId: string; timeUs: number }> {
  const { rows } = await executor.query<{ logId: string; timeUs: number }>({
    text: `
      update head set log_id = gen_random_uuid()::text, oldest_revision = revision + 1, next_field_id = $1,
        lease_until = clock_timestamp() + $2::double precision * interval '1 ms'
      returning log_id as "logId", (extract(epoch from clock_timestamp()) * 1000000)::bigint as "timeUs"`,
    values: [nextFieldId, leaseMs],
  })
  const [history] = rows
  if (history === undefined) throw new Error('the head row is missing')
  return history
}
