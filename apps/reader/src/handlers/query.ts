import { create } from '@bufbuild/protobuf'
import { QueriedEntitySchema, QueryResponseSchema, type QueryRequest, type QueryResponse } from '@qcore/contracts'
import { messageFromEntity } from '@qcore/model'
import type { Caller } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { whenFresh } from '../freshness.ts'
import { askedQuery, identityOf, type AskedQuery } from '../query/asked-query.ts'
import { columnResult } from '../query/column-result.ts'
import { readPlace, writePlace, type QueryPlace } from '../query/query-cursor.ts'
import { afterOf, findStatement, loadCount, loadPage, type FoundPage } from '../query/query-page.ts'
import { planQuery, type QueryPlan } from '../query/query-plan.ts'
import { columnOf, type Column } from '../query/selection-sql.ts'
import { whenApplied } from '../when-applied.ts'

export function query(
  reader: ReaderContext,
  request: QueryRequest,
  caller: Caller,
): Promise<QueryResponse> | QueryResponse {
  return whenFresh(reader, request.consistency, caller, async () => {
    const asked = await askedQuery(reader, request, caller)
    return asked.tree.count ? countEntities(reader, asked, caller) : findPage(reader, asked, { request, caller })
  })
}

async function countEntities(reader: ReaderContext, asked: AskedQuery, caller: Caller): Promise<QueryResponse> {
  const response = create(QueryResponseSchema)
  const plan = planQuery(asked.checked, asked.pageSize)
  if (plan.isEmpty) {
    response.revision = BigInt(reader.replica.feed.appliedRevision)
    return response
  }
  const counted = await loadCount(reader.pool, plan, asked.types)
  await whenApplied(reader.replica.feed, counted, caller)
  response.revision = BigInt(counted.revision)
  response.count = BigInt(counted.count)
  return response
}

async function findPage(
  reader: ReaderContext,
  asked: AskedQuery,
  { request, caller }: { request: QueryRequest; caller: Caller },
): Promise<QueryResponse> {
  const { checked, types } = asked
  const place = request.cursor === '' ? undefined : readPlace(reader.cursors, request.cursor, identityOf(asked))
  const left = place === undefined ? (checked.limit === 0 ? undefined : checked.limit) : place.left
  const plan = planQuery(checked, Math.min(asked.pageSize, left ?? Infinity))
  const columns = checked.select.map(columnOf)
  if (plan.isEmpty) return responseOf({ asked, plan, columns, page: emptyPage(reader) })
  const after = place && afterOf(plan, place)
  const page = await loadPage(reader.pool, findStatement(plan, { types, columns, after }))
  await whenApplied(reader.replica.feed, page, caller)
  const response = responseOf({ asked, plan, columns, page })
  const next = nextPlace(plan, page, left)
  if (next !== undefined) response.nextCursor = writePlace(reader.cursors, next, identityOf(asked))
  return response
}

function emptyPage({ replica: { feed } }: ReaderContext): FoundPage {
  return { revision: feed.appliedRevision, logId: feed.logId, rows: [] }
}

/** Where the next page begins, if there is one. */
function nextPlace(
  { limit }: QueryPlan,
  { revision, logId, rows }: FoundPage,
  left: number | undefined,
): QueryPlace | undefined {
  const last = rows[limit - 1]
  if (rows.length <= limit || last === undefined || left === limit) return undefined
  return { revision, logId, left: left === undefined ? undefined : left - limit, keys: last.keys ?? [], id: last.id }
}

interface PageParts {
  readonly asked: AskedQuery
  readonly plan: QueryPlan
  readonly columns: readonly Column[]
  readonly page: FoundPage
}

function responseOf({ asked, plan, columns, page }: PageParts): QueryResponse {
  const response = create(QueryResponseSchema)
  response.revision = BigInt(page.revision)
  response.columns = asked.checked.select.map(({ text }) => text)
  response.entities = page.rows.slice(0, plan.limit).map((row) => {
    const found = create(QueriedEntitySchema)
    found.entity = messageFromEntity({ ...row, type: plan.type.name, fields: [] })
    found.fields = columns.map((column, index) => columnResult(column, row, index))
    return found
  })
  return response
}
