import { sql, type SQL } from './sql.ts'
import { readDatabase, type Executor } from '@qcore/database'
import type { TypeSource } from '@qcore/query'
import { keyNames } from './branch-sql.ts'
import type { Key } from './interval.ts'
import { orderBy, orderKind, type After } from './order-sql.ts'
import { countStatement, pageStatement } from './page-sql.ts'
import type { PlanOrder, QueryPlan } from './query-plan.ts'
import { runStatement } from './run-statement.ts'
import { selectionSql, type Column } from './selection-sql.ts'

/** Something at the end of a path, as `to_jsonb` writes it. */
export interface PathRow {
  entityId: string
  /** Null: the entity's own name, parent or children. */
  fieldId: number | null
  /** Bytes of `Value` as `\x…`. */
  value: string | null
  writeTimeUs: number | null
  writer: string | null
  revision: number
  text: string | null
  ids: string[] | null
}

/** An entity that was found, with what was selected. */
export interface FoundRow {
  id: string
  name: string
  parentId: string
  createdRevision: number
  structureRevision: number
  place: string
  /** Of the order; null where a path leads nowhere. */
  keys: (string | null)[] | null
  /** Parallel arrays, one element a selected field; absent if none is selected. */
  fieldIds?: number[] | null
  values?: Buffer[]
  writeTimesUs?: number[]
  writers?: string[]
  revisions?: number[]
  /** Ids, if they were selected. */
  children?: string[]
  /** By column, of paths with steps; null where they lead nowhere. */
  [path: `p${number}`]: PathRow | null
}

/** Of which snapshot something is. */
export interface Snapshot {
  revision: number
  logId: string
}

export interface FoundPage extends Snapshot {
  /** At most one more than the plan's limit. */
  rows: FoundRow[]
}

/** Finds a page by one statement. */
export async function loadPage(executor: Executor, statement: SQL): Promise<FoundPage> {
  const rows = await readDatabase(runStatement<FoundRow & Snapshot & { id: string | null }>(executor, statement))
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  return { revision: first.revision, logId: first.logId, rows: rows.filter(({ id }) => id !== null) }
}

/** The ids of a page. */
export interface FoundIds extends Snapshot {
  /** At most one more than the plan's limit. */
  ids: string[]
  /** Of the order, of the last entity that belongs to the page; null if the page is not full. */
  keys: (string | null)[] | null
}

/** Finds the ids of a page by one statement. */
export async function loadIds(executor: Executor, statement: SQL): Promise<FoundIds> {
  const [found] = await readDatabase(runStatement<FoundIds>(executor, statement))
  if (found === undefined) throw new Error('the head row is missing')
  return found
}

/** Counts by one statement. */
export async function loadCount(
  executor: Executor,
  plan: QueryPlan,
  types: TypeSource,
): Promise<Snapshot & { count: number }> {
  const [row] = await readDatabase(runStatement<Snapshot & { count: number }>(executor, countStatement(plan, types)))
  if (row === undefined) throw new Error('the head row is missing')
  return row
}

/** The statement that finds a page. */
export function findStatement(
  plan: QueryPlan,
  { types, columns, after }: { types: TypeSource; columns: readonly Column[]; after: After | undefined },
): SQL {
  const { order } = plan
  const selection = selectionSql(columns, { type: plan.type, types })
  const keys = keyNames(order, 'page')
  const places = keyNames(order, 'found')
  return sql`
    ${pageStatement(plan, types, after)}
    select head.revision, head.log_id as "logId", found.*
    from head
    left join (
      select ${sql.join([sql.raw('e.id, e.name, e.parent_id as "parentId", e.created_revision as "createdRevision", greatest(e.structure_revision, e.created_revision) as "structureRevision", e.place'), ...keys], ', ')},
        ${keyTexts(order)} as keys
        ${selection.columns}
      from page
      cross join lateral (select * from entity where entity.id = page.entity_id offset 0) e
      ${selection.from}
    ) found on true
    order by ${orderBy(order, places, sql.raw('found.id'))}`
}

/** The statement that finds the ids of a page. */
export function idStatement(plan: QueryPlan, { types, after }: { types: TypeSource; after: After | undefined }): SQL {
  const { order, limit } = plan
  const id = sql.raw('page.entity_id')
  const inOrder = sql`from page order by ${orderBy(order, keyNames(order, 'page'), id)}`
  return sql`
    ${pageStatement(plan, types, after)}
    select head.revision, head.log_id as "logId", array(select ${id} ${inOrder}) as ids,
      (select ${keyTexts(order)} ${inOrder} ${sql.raw(`offset ${limit - 1} limit 1`)}) as keys
    from head`
}

/** The keys of a page's entity as texts. */
function keyTexts(order: readonly PlanOrder[]): SQL {
  const keys = keyNames(order, 'page')
  const texts = order.map((each, index) => keyText(each, keys[index] ?? sql`null`))
  return texts.length === 0 ? sql`null::text[]` : sql`array[${sql.join(texts, ', ')}]`
}

/** Keys as text: bytes in hexadecimal. */
function keyText(order: PlanOrder, key: SQL): SQL {
  return orderKind(order) === 'text' ? sql`encode(${key}, 'hex')` : sql`${key}::text`
}

/** A key of a row, or of a cursor. */
export function keyFromText(order: PlanOrder, text: string | null): Key | null {
  if (text === null) return null
  switch (orderKind(order)) {
    case 'int':
      return BigInt(text)
    case 'float':
      return Number(text)
    case 'text':
      return Buffer.from(text, 'hex')
    case 'own':
      return Buffer.from(text)
  }
}

/** Where a page goes on after an entity. */
export function afterOf(plan: QueryPlan, { id, keys }: { id: string; keys: readonly (string | null)[] }): After {
  return { id, keys: plan.order.map((order, index) => keyFromText(order, keys[index] ?? null)) }
}
