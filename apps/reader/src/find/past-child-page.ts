import { sql, type SQL } from '../query/sql.ts'
import { readDatabase, type Executor } from '@qcore/database'
import { notOfTypes } from '../query/path-sql.ts'
import type { ChildPageQuery, ChildRow } from './child-page.ts'
import { runStatement } from '../query/run-statement.ts'

/** A page of the children that an entity had right after a revision, in their order then; one row more than the limit. */
export async function loadPastChildPage(
  executor: Executor,
  { parentId, limit, end, isOrdered, hiddenTypes, revision }: ChildPageQuery & { revision: number },
): Promise<ChildRow[]> {
  const key = sql.raw(isOrdered ? 'place' : 'name')
  const last = Buffer.from(end?.key ?? '', 'base64url').toString()
  const behind = (id: SQL): SQL =>
    end === undefined ? sql`` : sql`and (${key}, ${id}) > (${last}::text, ${end.id}::text)`
  const visible = notOfTypes(hiddenTypes)
  const page = sql.raw(`order by ${isOrdered ? 'place' : 'name'}, id limit ${limit + 1}`)
  return readDatabase(
    runStatement<ChildRow>(
      executor,
      sql`
        (
          select id, type, name, created_revision as "createdRevision",
            greatest(structure_revision, created_revision) as "structureRevision", place
          from entity
          where parent_id = ${parentId}::text and created_revision <= ${revision}::bigint
            and structure_revision <= ${revision}::bigint ${visible} ${behind(sql`id`)} ${page}
        )
        union
        (
          select entity_id as id, type, name, created_revision, greatest(structure_revision, created_revision), place
          from tombstone
          where parent_id = ${parentId}::text and created_revision <= ${revision}::bigint
            and structure_revision <= ${revision}::bigint and revision > ${revision}::bigint
            ${visible} ${behind(sql`entity_id`)} ${page}
        )
        union
        (
          select entity_id as id, type, name, created_revision, since_revision, place from former_place
          where parent_id = ${parentId}::text and since_revision <= ${revision}::bigint
            and revision > ${revision}::bigint ${visible} ${behind(sql`entity_id`)} ${page}
        )
        ${page}`,
    ),
  )
}
