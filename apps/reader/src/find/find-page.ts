import { sql, type SQL } from 'drizzle-orm/sql/sql'
import { readDatabase, type Executor } from '@qcore/database'
import { indexKind } from '@qcore/model'
import type { PageEnd } from './cursor.ts'
import type { FindPlan } from './find-plan.ts'
import { pageStatement, type After } from './find-statement.ts'
import type { Key } from './interval.ts'
import { runStatement } from './run-statement.ts'

/** An entity that was found, with the fields that were selected. */
export interface FoundRow {
  id: string
  name: string
  parentId: string
  createdRevision: number
  structureRevision: number
  place: string
  /** Of the order; null: by id. */
  key: string | Buffer | null
  /** Parallel arrays, one element a selected field; absent if none is selected. */
  fieldIds?: number[] | null
  values?: Buffer[]
  writeTimesUs?: number[]
  writers?: string[]
  revisions?: number[]
  /** Ids, if they were selected. */
  children?: string[]
}

export interface FoundPage {
  /** Of the snapshot that the page is from. */
  revision: number
  logId: string
  /** At most one more than the plan's limit. */
  rows: FoundRow[]
}

/** Finds a page by one statement. */
export async function loadPage(executor: Executor, plan: FindPlan, end: PageEnd | undefined): Promise<FoundPage> {
  const statement = findStatement(plan, end === undefined ? undefined : afterOf(plan, end))
  const rows = await readDatabase(
    runStatement<FoundRow & { revision: number; logId: string; id: string | null }>(executor, statement),
  )
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  return { revision: first.revision, logId: first.logId, rows: rows.filter(({ id }) => id !== null) }
}

/** The statement that finds a page. */
export function findStatement(plan: FindPlan, after: After | undefined): SQL {
  const isTextKey = plan.orderField !== undefined && indexKind(plan.orderField.valueType) === 'text'
  const fieldIds = plan.selections.flatMap(({ field }) => (field === undefined ? [] : [field.id]))
  const hasChildren = plan.selections.some(({ name, field }) => field === undefined && name === 'Children')
  return sql`
    ${pageStatement(plan, after)}
    select head.revision, head.log_id as "logId", found.*
    from head
    left join (
      select e.id, e.name, e.parent_id as "parentId", e.created_revision as "createdRevision",
        greatest(e.structure_revision, e.created_revision) as "structureRevision", e.place,
        ${sql.raw(isTextKey ? 'page.key' : 'page.key::text')} as key, page.key as position
        ${fieldIds.length === 0 ? sql`` : sql`, f.*`}
        ${hasChildren ? sql`, c.children` : sql``}
      from page
      cross join lateral (select * from entity where entity.id = page.entity_id offset 0) e
      ${fieldIds.length === 0 ? sql`` : selectedFields(fieldIds)}
      ${hasChildren ? selectedChildren(plan.type.hasOrderedChildren) : sql``}
    ) found on true
    order by found.position ${sql.raw(plan.isDescending ? 'desc' : 'asc')}, found.id`
}

function selectedFields(fieldIds: readonly number[]): SQL {
  return sql`cross join lateral (
    select
      array_agg(field_id order by field_id) as "fieldIds",
      array_agg(value order by field_id) as values,
      array_agg(write_time_us order by field_id) as "writeTimesUs",
      array_agg(writer order by field_id) as writers,
      array_agg(revision order by field_id) as revisions
    from field where entity_id = page.entity_id and field_id in (${sql.raw(fieldIds.join(', '))})) f`
}

function selectedChildren(isOrdered: boolean): SQL {
  return sql`cross join lateral (
    select coalesce(array_agg(id order by ${sql.raw(isOrdered ? 'place' : 'name')}, id), '{}') as children
    from entity child where child.parent_id = page.entity_id) c`
}

/** Where a page ends, for its cursor. */
export function endOf(row: FoundRow): PageEnd {
  const key = typeof row.key === 'object' ? (row.key?.toString('base64url') ?? '') : row.key
  return { key, id: row.id }
}

function afterOf({ orderField }: FindPlan, { key, id }: PageEnd): After {
  const kind = orderField && indexKind(orderField.valueType)
  return { key: kind && keyFromText(kind, key), id }
}

function keyFromText(kind: 'int' | 'float' | 'text', text: string): Key {
  if (kind === 'int') return BigInt(text)
  return kind === 'float' ? Number(text) : Buffer.from(text, 'base64url')
}
