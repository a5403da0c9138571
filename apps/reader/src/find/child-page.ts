import { sql } from '../query/sql.ts'
import { readDatabase, type Executor } from '@qcore/database'
import type { PageEnd } from '../query/cursor.ts'
import { notOfTypes } from '../query/path-sql.ts'
import { runStatement } from '../query/run-statement.ts'

/** A child of an entity. */
export interface ChildRow {
  id: string
  type: string
  name: string
  createdRevision: number
  structureRevision: number
  place: string
}

export interface ChildPage {
  /** Of the snapshot that the page is from. */
  revision: number
  logId: string
  hasParent: boolean
  /** At most one more than the limit. */
  rows: ChildRow[]
}

/** Which children to load. */
export interface ChildPageQuery {
  parentId: string
  limit: number
  end: PageEnd | undefined
  /** Whether they are ordered by their places, otherwise by name. */
  isOrdered: boolean
  /** The types of children that are left out. */
  hiddenTypes: readonly string[]
}

/** The children of an entity by one statement, in their order, then by id. */
export async function loadChildPage(
  executor: Executor,
  { parentId, limit, end, isOrdered, hiddenTypes }: ChildPageQuery,
): Promise<ChildPage> {
  const key = sql.raw(isOrdered ? 'place' : 'name')
  const last = Buffer.from(end?.key ?? '', 'base64url').toString()
  const behind = end === undefined ? sql`` : sql`and (${key}, id) > (${last}::text, ${end.id}::text)`
  const rows = await readDatabase(
    runStatement<ChildRow & { revision: number; logId: string; hasParent: boolean; id: string | null }>(
      executor,
      sql`
        select head.revision, head.log_id as "logId",
          exists (select from entity where id = ${parentId}::text) as "hasParent", child.*
        from head
        left join (
          select id, type, name, created_revision as "createdRevision",
            greatest(structure_revision, created_revision) as "structureRevision", place
          from entity where parent_id = ${parentId}::text ${notOfTypes(hiddenTypes)} ${behind}
          order by ${key}, id ${sql.raw(`limit ${limit + 1}`)}
        ) child on true
        order by child.${key}, child.id`,
    ),
  )
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  const { revision, logId, hasParent } = first
  return { revision, logId, hasParent, rows: rows.filter(({ id }) => id !== null) }
}
