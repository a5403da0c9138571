import type { Executor } from '@qcore/database'
import { restoreTables } from '../restore-tables.ts'

/** Makes the tables that a file is read into. */
export async function createStagingTables(executor: Executor, id: string): Promise<void> {
  const { type, entity, field, reference, problem } = restoreTables(id)
  await executor.query(`
    create unlogged table ${type} (name text collate "C", schema bytea);
    create unlogged table ${entity} (
      id text collate "C", type text collate "C", name text collate "C", parent_id text collate "C",
      place text collate "C", depth integer);
    create unlogged table ${field} (
      entity_id text collate "C", field_key integer, value bytea, write_time_us bigint, writer text,
      int_key bigint, float_key double precision, text_key bytea);
    create unlogged table ${reference} (target_id text collate "C", entity_id text collate "C", field_key integer);
    create unlogged table ${problem} (entity_id text collate "C", code text, message text, field text)`)
}

/** Columns of arrays as rows of a staging table. */
export async function insertStaged(
  executor: Executor,
  { id, table, columns }: { id: string; table: keyof typeof columnTypes; columns: readonly Buffer[] },
): Promise<void> {
  const arrays = columnTypes[table].map((type, index) => `$${index + 1}::${type}[]`)
  await executor.query({
    name: `insert_staged_${table}_${id}`,
    text: `insert into ${restoreTables(id)[table]} select * from unnest(${arrays.join(', ')})`,
    values: [...columns],
  })
}

const columnTypes = {
  entity: ['text', 'text', 'text', 'text', 'text', 'integer'],
  field: ['text', 'integer', 'bytea', 'bigint', 'text', 'bigint', 'double precision', 'bytea'],
  reference: ['text', 'text', 'integer'],
  problem: ['text', 'text', 'text', 'text'],
} as const

export async function insertStagedType(
  executor: Executor,
  { id, name, schema }: { id: string; name: string; schema: Uint8Array },
): Promise<void> {
  await executor.query({
    text: `insert into ${restoreTables(id).type} values ($1, $2)`,
    values: [name, Buffer.from(schema)],
  })
}

/** Takes out entities and fields that the file has twice, each of which becomes a problem. */
export async function refuseDuplicates(executor: Executor, id: string): Promise<void> {
  const { entity, field, problem } = restoreTables(id)
  await executor.query(`
    with twice as (select id from ${entity} group by id having count(*) > 1)
    insert into ${problem} select id, 'entity_exists', 'the file has the entity ' || id || ' twice', id from twice`)
  await executor.query(`
    with twice as (select entity_id from ${field} group by entity_id, field_key having count(*) > 1)
    insert into ${problem}
    select distinct on (entity_id) entity_id, 'invalid_request', 'the file has a field of ' || entity_id || ' twice', entity_id
    from twice where entity_id not in (select entity_id from ${problem})`)
  await executor.query(`
    delete from ${entity} e using ${entity} other where e.id = other.id and e.ctid > other.ctid
      and e.id in (select entity_id from ${problem})`)
  await executor.query(`
    delete from ${field} f using ${field} other
    where f.entity_id = other.entity_id and f.field_key = other.field_key and f.ctid > other.ctid
      and f.entity_id in (select entity_id from ${problem})`)
}

/** Indexes for what is looked up in the staged rows, and statistics for the planner. */
export async function indexStaged(executor: Executor, id: string): Promise<void> {
  const { entity, field, reference } = restoreTables(id)
  await executor.query(`
    create unique index on ${entity} (id);
    create index on ${entity} (parent_id, name);
    create unique index on ${field} (entity_id, field_key);
    create index on ${reference} (target_id);
    analyze ${entity}; analyze ${field}; analyze ${reference}`)
}

/** The staged children of a name, at most two. */
export async function findStagedChildren(
  executor: Executor,
  { id, parentId, name }: { id: string; parentId: string; name: string },
): Promise<string[]> {
  const { rows } = await executor.query<{ id: string }>({
    text: `select id from ${restoreTables(id).entity} where parent_id = $1 and name = $2 limit 2`,
    values: [parentId, name],
  })
  return rows.map((row) => row.id)
}

/** The staged entities without parent, at most two. */
export async function findStagedRoots(executor: Executor, id: string): Promise<string[]> {
  const { rows } = await executor.query<{ id: string }>(
    `select id from ${restoreTables(id).entity} where parent_id = '' limit 2`,
  )
  return rows.map((row) => row.id)
}

export async function isStaged(executor: Executor, id: string, entityId: string): Promise<boolean> {
  const { rowCount } = await executor.query({
    text: `select from ${restoreTables(id).entity} where id = $1`,
    values: [entityId],
  })
  return rowCount === 1
}

/** Sets the depth of an entity to 1, and so on down the tree, to `mostLevels` and one more. */
export async function setStagedDepths(
  executor: Executor,
  { id, topId, mostLevels }: { id: string; topId: string; mostLevels: number },
): Promise<void> {
  const { entity } = restoreTables(id)
  await executor.query({
    text: `
      with recursive below as (
        select id, 1 as depth from ${entity} where id = $1
        union all
        select e.id, below.depth + 1 from below join ${entity} e on e.parent_id = below.id where below.depth <= $2
      )
      update ${entity} e set depth = below.depth from below where e.id = below.id`,
    values: [topId, mostLevels],
  })
}

/** Takes out what is not below the top: all without a depth. */
export async function deleteOutside(executor: Executor, id: string): Promise<void> {
  const { entity, field, reference, problem } = restoreTables(id)
  const outside = `select from ${entity} e where e.id = s.entity_id and e.depth is not null`
  await executor.query(`delete from ${field} s where not exists (${outside})`)
  await executor.query(`delete from ${reference} s where not exists (${outside})`)
  await executor.query(`delete from ${problem} s where not exists (${outside})`)
  await executor.query(`delete from ${entity} where depth is null`)
}

/** Entities that the root does not lead to become problems: without parent in the file, or below themselves. */
export async function refuseUnreached(executor: Executor, id: string): Promise<void> {
  const { entity, problem } = restoreTables(id)
  await executor.query(`
    insert into ${problem}
    select e.id, 'unknown_entity', 'the file has no entity ' || e.parent_id || ', the parent of ' || e.id, e.id
    from ${entity} e
    where e.depth is null and e.parent_id <> '' and not exists (select from ${entity} p where p.id = e.parent_id)`)
  await executor.query(`
    insert into ${problem}
    select e.id, 'cycle', 'the entity ' || e.id || ' does not lead to the root', e.id
    from ${entity} e
    where e.depth is null and exists (select from ${entity} p where p.id = e.parent_id)
      and not exists (select from ${problem})`)
}

export interface StagedCounts {
  entities: number
  fields: number
  references: number
  problems: number
}

export async function countStaged(executor: Executor, id: string): Promise<StagedCounts> {
  const { entity, field, reference, problem } = restoreTables(id)
  const { rows } = await executor.query<StagedCounts>(`
    select (select count(*) from ${entity}) as entities, (select count(*) from ${field}) as fields,
      (select count(*) from ${reference}) as references, (select count(*) from ${problem}) as problems`)
  const [counts] = rows
  if (counts === undefined) throw new Error('counting gave nothing')
  return counts
}

export async function loadStagedTypes(executor: Executor, id: string): Promise<Buffer[]> {
  const { rows } = await executor.query<{ schema: Buffer }>(
    `select schema from ${restoreTables(id).type} order by name`,
  )
  return rows.map(({ schema }) => schema)
}
