import { create } from '@bufbuild/protobuf'
import { ProblemSchema, type Problem } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import { restoreTables } from '../restore-tables.ts'

/** An entity of one side of a comparison. */
export interface ComparedEntity {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly parentId: string
  readonly createdRevision: number
}

/** A field of one side of a comparison. */
export interface ComparedField {
  /** Bytes of `Value`; null if there are more than 1 KiB. */
  readonly value: Buffer | null
  readonly writeTimeUs: number
  readonly writer: string
  readonly revision: number
}

export interface EntityDifferenceRow {
  readonly current: ComparedEntity | undefined
  readonly restored: ComparedEntity | undefined
}

export interface FieldDifferenceRow {
  readonly entityId: string
  /** Of the store. */
  readonly fieldId: number | null
  /** Of the restore. */
  readonly fieldKey: number | null
  readonly current: ComparedField | undefined
  readonly restored: ComparedField | undefined
}

export type DifferenceKind = 'created' | 'deleted' | 'changed'

/** How many entities differ in a way. */
export function countEntities(executor: Executor, id: string, kind: DifferenceKind): Promise<number> {
  return count(executor, entityDifferences(id)[kind])
}

/** How many fields differ in a way. */
export function countFields(executor: Executor, id: string, kind: DifferenceKind): Promise<number> {
  return count(executor, fieldDifferences(id)[kind])
}

/** The first entities that differ in a way. */
export async function loadEntityDifferences(
  executor: Executor,
  { id, kind, limit }: { id: string; kind: DifferenceKind; limit: number },
): Promise<EntityDifferenceRow[]> {
  const { rows } = await executor.query<Record<string, string | number | null>>({
    text: `
      select e.id as "currentId", e.type as "currentType", e.name as "currentName", e.parent_id as "currentParentId",
        e.created_revision as "currentRevision",
        s.id as "restoredId", s.type as "restoredType", s.name as "restoredName", s.parent_id as "restoredParentId"
      from ${entityDifferences(id)[kind]} order by coalesce(s.id, e.id) limit $1`,
    values: [limit],
  })
  return rows.map((row) => ({ current: entityOf(row, 'current'), restored: entityOf(row, 'restored') }))
}

/** The first fields that differ in a way. */
export async function loadFieldDifferences(
  executor: Executor,
  { id, kind, limit }: { id: string; kind: DifferenceKind; limit: number },
): Promise<FieldDifferenceRow[]> {
  const { rows } = await executor.query<Record<string, unknown>>({
    text: `
      select coalesce(t.entity_id, f.entity_id) as "entityId", f.field_id as "fieldId", t.field_key as "fieldKey",
        case when octet_length(f.value) <= 1024 then f.value end as "currentValue", f.write_time_us as "currentTimeUs",
        f.writer as "currentWriter", f.revision as "currentRevision",
        case when octet_length(t.value) <= 1024 then t.value end as "restoredValue", t.write_time_us as "restoredTimeUs",
        t.writer as "restoredWriter"
      from ${fieldDifferences(id)[kind]} order by 1, coalesce(f.field_id, t.field_id) limit $1`,
    values: [limit],
  })
  return rows.map(differenceOf)
}

function differenceOf(row: Record<string, unknown>): FieldDifferenceRow {
  return {
    entityId: String(row['entityId']),
    fieldId: typeof row['fieldId'] === 'number' ? row['fieldId'] : null,
    fieldKey: typeof row['fieldKey'] === 'number' ? row['fieldKey'] : null,
    current: fieldOf(row, 'current'),
    restored: fieldOf(row, 'restored'),
  }
}

/** How many fields outside of a restore refer to entities that it deletes. */
export function countCleared(executor: Executor): Promise<number> {
  return count(executor, 'restore_cleared')
}

/** The first of them. */
export async function loadClearedFields(executor: Executor, limit: number): Promise<FieldDifferenceRow[]> {
  const { rows } = await executor.query<Record<string, unknown>>({
    text: `
      select f.entity_id as "entityId", f.field_id as "fieldId",
        case when octet_length(f.value) <= 1024 then f.value end as "currentValue", f.write_time_us as "currentTimeUs",
        f.writer as "currentWriter", f.revision as "currentRevision",
        case when octet_length(c.value) <= 1024 then c.value end as "restoredValue", f.write_time_us as "restoredTimeUs",
        f.writer as "restoredWriter"
      from restore_cleared c join field f on f.entity_id = c.entity_id and f.field_id = c.field_id
      order by 1, 2 limit $1`,
    values: [limit],
  })
  return rows.map(differenceOf)
}

/** The first problems of a file. */
export async function loadStagedProblems(executor: Executor, id: string, limit: number): Promise<Problem[]> {
  const { rows } = await executor.query<{ code: string; message: string; field: string }>({
    text: `select code, message, field from ${restoreTables(id).problem} order by entity_id, field limit $1`,
    values: [limit],
  })
  return rows.map((row) => create(ProblemSchema, row))
}

async function count(executor: Executor, rows: string): Promise<number> {
  const counted = await executor.query<{ count: number }>(`select count(*) as count from ${rows}`)
  return counted.rows[0]?.count ?? 0
}

/** What follows `from`: `e` is the store's side, `s` the restore's. */
function entityDifferences(id: string): Record<DifferenceKind, string> {
  const { entity } = restoreTables(id)
  return {
    created: `${entity} s left join entity e on e.id = s.id where e.id is null`,
    deleted: `restore_gone g join entity e on e.id = g.id left join ${entity} s on s.id = e.id`,
    changed: `
      ${entity} s join entity e on e.id = s.id
      where (e.type, e.name, e.parent_id, e.place) is distinct from (s.type, s.name, s.parent_id, s.place)`,
  }
}

/** What follows `from`: `f` is the store's side, `t` the restore's. Of entities that are on both sides. */
function fieldDifferences(id: string): Record<DifferenceKind, string> {
  const { entity } = restoreTables(id)
  const target = targetFields(id)
  const key = 'f.entity_id = t.entity_id and f.field_id = t.field_id'
  return {
    created: `
      (${target}) t join entity e on e.id = t.entity_id left join field f on ${key} where f.entity_id is null`,
    deleted: `
      field f join ${entity} s on s.id = f.entity_id left join (${target}) t on ${key} where t.entity_id is null`,
    changed: `(${target}) t join field f on ${key} where ${differs}`,
  }
}

/** Whether a field `f` of the store holds something else than `t`. */
export const differs = '(f.value, f.write_time_us, f.writer) is distinct from (t.value, t.write_time_us, t.writer)'

/** The staged fields as fields of the store. */
export function targetFields(id: string): string {
  const { field } = restoreTables(id)
  return `
    select s.entity_id, s.field_key, m.field_id, s.value, s.write_time_us, s.writer, s.int_key, s.float_key, s.text_key
    from ${field} s join restore_map m on m.field_key = s.field_key`
}

function entityOf(row: Record<string, string | number | null>, side: string): ComparedEntity | undefined {
  const id = row[`${side}Id`]
  if (typeof id !== 'string') return undefined
  return {
    id,
    type: String(row[`${side}Type`]),
    name: String(row[`${side}Name`]),
    parentId: String(row[`${side}ParentId`]),
    createdRevision: Number(row[`${side}Revision`] ?? 0),
  }
}

function fieldOf(row: Record<string, unknown>, side: string): ComparedField | undefined {
  const writer = row[`${side}Writer`]
  if (typeof writer !== 'string') return undefined
  return {
    value: row[`${side}Value`] as Buffer | null,
    writeTimeUs: Number(row[`${side}TimeUs`]),
    writer,
    revision: Number(row[`${side}Revision`] ?? 0),
  }
}
