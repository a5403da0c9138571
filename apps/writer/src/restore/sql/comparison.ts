import type { Executor } from '@qcore/database'
import { restoreTables } from '../restore-tables.ts'

/** What a restore is compared with: all of the store, or what the staged entities have below them. */
export interface Scope {
  readonly id: string
  readonly isWhole: boolean
}

/**
 * Makes what a comparison works with, for the rest of the transaction: which field of the store a staged field is, and
 * which entities of the store the restore deletes.
 */
export async function createComparison(
  executor: Executor,
  { id, isWhole }: Scope,
  map: readonly { key: number; fieldId: number }[],
): Promise<void> {
  const { entity } = restoreTables(id)
  await executor.query(`
    create temp table restore_map (field_key integer primary key, field_id integer not null) on commit drop;
    create temp table restore_gone (id text collate "C" primary key) on commit drop;
    create temp table restore_cleared (
      entity_id text collate "C", field_id integer, value bytea not null, text_key bytea, targets text[] not null,
      primary key (entity_id, field_id)) on commit drop`)
  await executor.query({
    text: 'insert into restore_map select * from unnest($1::integer[], $2::integer[])',
    values: [map.map(({ key }) => key), map.map(({ fieldId }) => fieldId)],
  })
  const below = `
    with recursive below as (
      select e.id from entity e join ${entity} s on s.id = e.id
      union
      select e.id from below join entity e on e.parent_id = below.id)`
  await executor.query(`
    ${isWhole ? '' : below}
    insert into restore_gone
    select e.id from ${isWhole ? 'entity' : 'below'} e where not exists (select from ${entity} s where s.id = e.id)`)
  await executor.query('analyze restore_map, restore_gone')
}

/** References to entities that are neither in the restore nor stay in the store, at most `limit`. */
export async function findDanglingReferences(
  executor: Executor,
  { id, isWhole }: Scope,
  limit: number,
): Promise<{ targetId: string; entityId: string; fieldKey: number }[]> {
  const { entity, reference } = restoreTables(id)
  const stays = `
    exists (select from entity e where e.id = r.target_id) and not exists (select from restore_gone g where g.id = r.target_id)`
  const { rows } = await executor.query<{ targetId: string; entityId: string; fieldKey: number }>({
    text: `
      select r.target_id as "targetId", r.entity_id as "entityId", r.field_key as "fieldKey"
      from ${reference} r
      where not exists (select from ${entity} s where s.id = r.target_id) ${isWhole ? '' : `and not (${stays})`}
      order by r.entity_id, r.field_key limit $1`,
    values: [limit],
  })
  return rows
}

/** The depth of an entity of the store that the restore leaves there; undefined if there is none. */
export async function findRemainingDepth(executor: Executor, entityId: string): Promise<number | undefined> {
  const { rows } = await executor.query<{ depth: number }>({
    text: 'select depth from entity e where id = $1 and not exists (select from restore_gone g where g.id = e.id)',
    values: [entityId],
  })
  return rows[0]?.depth
}

/** The parent of the topmost staged entity, and the levels that there are below it, itself included. */
export async function loadStagedTop(executor: Executor, id: string): Promise<{ parentId: string; levels: number }> {
  const { entity } = restoreTables(id)
  const { rows } = await executor.query<{ parentId: string; levels: number }>({
    text: `
      select parent_id as "parentId", (select max(depth) from ${entity}) as levels from ${entity} where depth = 1`,
  })
  const [top] = rows
  if (top === undefined) throw new Error('nothing is staged')
  return top
}

/** What is wrong with children, at most `limit` of each: a name that is taken, or a place that is missing. */
export async function findChildProblems(
  executor: Executor,
  { id }: Scope,
  rules: { uniqueIn: readonly string[]; orderedIn: readonly string[]; limit: number },
): Promise<{ entityId: string; parentId: string; name: string; isTaken: boolean }[]> {
  const { entity } = restoreTables(id)
  const { rows } = await executor.query<{ entityId: string; parentId: string; name: string; isTaken: boolean }>({
    text: `
      with parent as (
        select id, type from ${entity}
        union all
        select e.id, e.type from ${entity} top join entity e on e.id = top.parent_id where top.depth = 1
      ), child as (
        select s.id, s.parent_id, s.name, s.place from ${entity} s
        union all
        select e.id, e.parent_id, e.name, e.place
        from ${entity} top join entity e on e.parent_id = top.parent_id
        where top.depth = 1 and not exists (select from ${entity} s where s.id = e.id)
          and not exists (select from restore_gone g where g.id = e.id)
      )
      (select max(child.id) as "entityId", child.parent_id as "parentId", child.name, true as "isTaken"
       from child join parent on parent.id = child.parent_id
       where parent.type = any($1::text[])
       group by child.parent_id, child.name having count(*) > 1 order by 1 limit $3)
      union all
      (select child.id, child.parent_id, child.name, false
       from child join parent on parent.id = child.parent_id
       where parent.type = any($2::text[]) and child.place = '' order by 1 limit $3)`,
    values: [rules.uniqueIn, rules.orderedIn, rules.limit],
  })
  return rows
}

/** A field, outside of what is restored, that refers to entities that the restore deletes. */
export interface HolderRow {
  entityId: string
  fieldId: number
  /** Bytes of `Value`. */
  value: Buffer
  /** The ones that are deleted. */
  targets: string[]
}

/** Such fields, ordered, after one, at most `limit`. */
export async function loadHolders(
  executor: Executor,
  { id }: Scope,
  { after, limit }: { after: Pick<HolderRow, 'entityId' | 'fieldId'>; limit: number },
): Promise<HolderRow[]> {
  const { entity } = restoreTables(id)
  const { rows } = await executor.query<HolderRow>({
    text: `
      select r.entity_id as "entityId", r.field_id as "fieldId", f.value, array_agg(r.target_id) as targets
      from reference r join restore_gone g on g.id = r.target_id
        join field f on f.entity_id = r.entity_id and f.field_id = r.field_id
      where (r.entity_id, r.field_id) > ($1, $2)
        and not exists (select from restore_gone o where o.id = r.entity_id)
        and not exists (select from ${entity} s where s.id = r.entity_id)
      group by r.entity_id, r.field_id, f.value order by r.entity_id, r.field_id limit $3`,
    values: [after.entityId, after.fieldId, limit],
  })
  return rows
}

/** Remembers what such a field becomes. */
export async function insertCleared(
  executor: Executor,
  row: Omit<HolderRow, 'value'> & { value: Uint8Array; textKey: Uint8Array | undefined },
): Promise<void> {
  await executor.query({
    name: 'insert_cleared',
    text: 'insert into restore_cleared values ($1, $2, $3, $4, $5)',
    values: [
      row.entityId,
      row.fieldId,
      Buffer.from(row.value),
      row.textKey === undefined ? null : Buffer.from(row.textKey),
      row.targets,
    ],
  })
}

/** The types of which there are staged entities. */
export async function loadUsedTypes(executor: Executor, id: string): Promise<string[]> {
  const { rows } = await executor.query<{ type: string }>(`select distinct type from ${restoreTables(id).entity}`)
  return rows.map(({ type }) => type)
}
