import { sql } from 'drizzle-orm/sql/sql'
import { readDatabase, type Executor } from '@qcore/database'
import type { PageEnd } from './cursor.ts'
import { runStatement } from './run-statement.ts'

/** A child of an entity. */
export interface ChildRow {
  id: string
  type: string
  name: string
  createdRevision: number
}

export interface ChildPage {
  /** Of the snapshot that the page is from. */
  revision: number
  logId: string
  hasParent: boolean
  /** At most one more than the limit. */
  rows: ChildRow[]
}

/** The children of an entity by one statement, ordered by name, then id. */
export async function loadChildPage(
  executor: Executor,
  { parentId, limit, end }: { parentId: string; limit: number; end: PageEnd | undefined },
): Promise<ChildPage> {
  const name = Buffer.from(end?.key ?? '', 'base64url').toString()
  const behind = end === undefined ? sql`` : sql`and (name, id) > (${name}::text, ${end.id}::text)`
  const rows = await readDatabase(
    runStatement<ChildRow & { revision: number; logId: string; hasParent: boolean; id: string | null }>(
      executor,
      sql`
        select head.revision, head.log_id as "logId",
          exists (select from entity where id = ${parentId}::text) as "hasParent", child.*
        from head
        left join (
          select id, type, name, created_revision as "createdRevision"
          from entity where parent_id = ${parentId}::text ${behind}
          order by name, id ${sql.raw(`limit ${limit + 1}`)}
        ) child on true
        order by child.name, child.id`,
    ),
  )
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  const { revision, logId, hasParent } = first
  return { revision, logId, hasParent, rows: rows.filter(({ id }) => id !== null) }
}
