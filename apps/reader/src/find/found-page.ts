import type { HandlerContext } from '@connectrpc/connect'
import type { EntityState } from '@qcore/model'
import type { TypeSource } from '@qcore/query'
import type { ReaderContext } from '../context.ts'
import type { After } from '../query/order-sql.ts'
import { findStatement, idStatement, loadIds, loadPage, type FoundPage, type FoundRow } from '../query/query-page.ts'
import type { QueryPlan } from '../query/query-plan.ts'
import type { Column } from '../query/selection-sql.ts'
import { whenApplied } from '../when-applied.ts'

/** So many pages of a type in a row were cached: the next one is as well. */
const surelyCached = 3

/** What of a type is looked for. */
export interface PageSearch {
  readonly types: TypeSource
  readonly columns: readonly Column[]
  readonly after: After | undefined
}

/**
 * Finds a page, and waits until the reader has applied its revision. Where only the entities themselves are wanted, and lately all of
 * the type that were found were cached, PostgreSQL tells their ids, and they are taken from the cache: it has less than half
 * of the work. One that is not cached, or was created, renamed or moved after the page's revision, makes PostgreSQL tell all.
 *
 * @throws QError `log_replaced`, `deadline_exceeded`, `unavailable`
 */
export async function loadFoundPage(
  reader: ReaderContext,
  plan: QueryPlan,
  { types, columns, after }: PageSearch,
  caller: HandlerContext,
): Promise<FoundPage> {
  const { pool, replica, cachedPages } = reader
  const type = plan.type.name
  const wantsEntities = columns.length === 0
  const cached = cachedPages.get(type) ?? 0
  if (wantsEntities && cached >= surelyCached) {
    const found = await loadIds(pool, idStatement(plan, { types, after }))
    await whenApplied(replica.feed, found, caller)
    const entities = cachedEntities(reader, found.ids, found.revision)
    if (entities !== undefined) {
      const rows = entities.map((entity, index) => rowOf(entity, index === plan.limit - 1 ? found.keys : null))
      return { revision: found.revision, logId: found.logId, rows }
    }
    cachedPages.delete(type)
  }
  const page = await loadPage(pool, findStatement(plan, { types, columns, after }))
  await whenApplied(replica.feed, page, caller)
  if (wantsEntities) {
    const ids = page.rows.map(({ id }) => id)
    const isCached = cachedEntities(reader, ids, page.revision) !== undefined
    cachedPages.set(type, isCached ? cached + 1 : 0)
    if (!isCached) reader.readAhead.load(ids)
  }
  return page
}

/** Entities as of a revision that was applied; undefined if one is not cached as it was then. */
function cachedEntities(
  { replica }: ReaderContext,
  ids: readonly string[],
  revision: number,
): EntityState[] | undefined {
  const entities: EntityState[] = []
  for (const id of ids) {
    const state = replica.tables.entities.get(id)?.state
    if (state === undefined || state === null || state.structureRevision > revision) return undefined
    entities.push(state)
  }
  return entities
}

function rowOf(entity: EntityState, keys: FoundRow['keys']): FoundRow {
  const { id, name, parentId, createdRevision, structureRevision, place } = entity
  return { id, name, parentId, createdRevision, structureRevision, place, keys }
}
