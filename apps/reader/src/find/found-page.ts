import type { HandlerContext } from '@connectrpc/connect'
import type { TypeSource } from '@qcore/query'
import type { ReaderContext } from '../context.ts'
import type { After } from '../query/order-sql.ts'
import { findStatement, idStatement, loadIds, loadPage, type FoundPage } from '../query/query-page.ts'
import type { QueryPlan } from '../query/query-plan.ts'
import type { Column } from '../query/selection-sql.ts'
import { whenApplied } from '../when-applied.ts'

/** What of a type is looked for. */
export interface PageSearch {
  readonly types: TypeSource
  readonly columns: readonly Column[]
  readonly after: After | undefined
}

/**
 * Finds a page, and waits until the reader has applied its revision. Where only the entities themselves are wanted, and lately all of
 * the type that were found were known, PostgreSQL tells their ids: it has less than half of the work. One that is not known, or
 * was created, renamed or moved after the page's revision, makes PostgreSQL tell all.
 *
 * @throws QError `log_replaced`, `deadline_exceeded`, `unavailable`
 */
export async function loadFoundPage(
  { pool, replica, found }: ReaderContext,
  plan: QueryPlan,
  { types, columns, after }: PageSearch,
  caller: HandlerContext,
): Promise<FoundPage> {
  const type = plan.type.name
  const wantsEntities = columns.length === 0
  if (wantsEntities && found.isLikelyToKnow(type)) {
    const { ids, keys, revision, logId } = await loadIds(pool, idStatement(plan, { types, after }))
    await whenApplied(replica.feed, { revision, logId }, caller)
    const entities = found.get(type, ids, revision)
    if (entities !== undefined) {
      const rows = entities.map((entity, index) => ({ ...entity, keys: index === plan.limit - 1 ? keys : null }))
      return { revision, logId, rows }
    }
  }
  const page = await loadPage(pool, findStatement(plan, { types, columns, after }))
  await whenApplied(replica.feed, page, caller)
  if (wantsEntities) found.add(type, page.rows, page.revision)
  return page
}
