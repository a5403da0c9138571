import { sql, type SQL } from 'drizzle-orm/sql/sql'
import { readDatabase, type Executor } from '@qcore/database'
import type { ChildRow } from './child-page.ts'
import type { PageEnd } from './cursor.ts'
import { runStatement } from './run-statement.ts'

/** A page of the children that an entity had right after a revision, ordered by name, then id; one row more than the limit. */
export async function loadPastChildPage(
  executor: Executor,
  { parentId, limit, end, revision }: { parentId: string; limit: number; end: PageEnd | undefined; revision: number },
): Promise<ChildRow[]> {
  const name = Buffer.from(end?.key ?? '', 'base64url').toString()
  const behind = (id: SQL): SQL =>
    end === undefined ? sql`` : sql`and (name, ${id}) > (${name}::text, ${end.id}::text)`
  const page = sql.raw(`order by name, id limit ${limit + 1}`)
  return readDatabase(
    runStatement<ChildRow>(
      executor,
      sql`
        (
          select id, type, name, created_revision as "createdRevision" from entity
          where parent_id = ${parentId}::text and created_revision <= ${revision}::bigint ${behind(sql`id`)} ${page}
        )
        union all
        (
          select entity_id as id, type, name, created_revision from tombstone
          where parent_id = ${parentId}::text and created_revision <= ${revision}::bigint
            and revision > ${revision}::bigint ${behind(sql`entity_id`)} ${page}
        )
        ${page}`,
    ),
  )
}
