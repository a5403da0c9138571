import { create, toBinary } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import {
  FieldResultSchema,
  QueriedEntitySchema,
  QueryResponseSchema,
  type FieldResult,
  type QueryResponse,
} from '@qcore/contracts'
import { messageFromEntity } from '@qcore/model'
import { checkQuery, type CheckedQuery, type Query, type TypeSource } from '@qcore/query'
import type { ReaderContext } from '../context.ts'
import { setEncodedEntities } from '../find/encoded-entities.ts'
import { loadFoundPage } from '../find/found-page.ts'
import { takesBinary } from '../takes-binary.ts'
import { assertSameView, viewOf } from '../view.ts'
import { whenApplied } from '../when-applied.ts'
import { columnResult } from './column-result.ts'
import { writePlace, type QueryPlace } from './query-cursor.ts'
import { afterOf, loadCount, type FoundRow } from './query-page.ts'
import { planQuery, type QueryPlan } from './query-plan.ts'
import { columnOf } from './selection-sql.ts'

/** A query that is to be answered. */
export interface QueryCall {
  readonly reader: ReaderContext
  readonly tree: Query
  readonly pageSize: number
  /** What its cursors belong to. */
  readonly identity: Uint8Array
  /** Where the page before ended. */
  readonly place: QueryPlace | undefined
  readonly caller: HandlerContext
}

/** Answers with the store as it is, by one statement. Throws what `checkQuery` throws; `unavailable`, `deadline_exceeded`. */
export async function answerPresent(call: QueryCall): Promise<QueryResponse> {
  const { reader, tree, place, caller } = call
  const types = await reader.replica.read((_source, present) => viewOf(caller, present).types(), caller)
  const checked = checkQuery(tree, types)
  const left = leftOf(call)
  const plan = planQuery(checked, Math.min(call.pageSize, left ?? Infinity))
  if (plan.isEmpty) return startAnswer(checked, reader.replica.feed.appliedRevision)
  if (tree.count) return countPresent(call, plan, { types, checked })
  const columns = checked.select.map(columnOf)
  const after = place && afterOf(plan, place)
  const page = await loadFoundPage(reader, plan, { types, columns, after }, caller)
  await assertSameView(reader, types, caller)
  const response = startAnswer(checked, page.revision)
  const rows = page.rows.slice(0, plan.limit)
  const resultsOf = (row: FoundRow): FieldResult[] => columns.map((column, index) => columnResult(column, row, index))
  if (takesBinary(caller)) {
    const fieldsOf = (row: FoundRow) => resultsOf(row).map((result) => toBinary(FieldResultSchema, result))
    setEncodedEntities(response, { type: plan.type.name, rows, fieldsOf })
  } else {
    response.entities = rows.map((row) => {
      const found = create(QueriedEntitySchema)
      found.entity = messageFromEntity({ ...row, type: plan.type.name, fields: [] })
      found.fields = resultsOf(row)
      return found
    })
  }
  const last = lastOf(plan, page.rows, left)
  if (last !== undefined) response.nextCursor = nextCursor(call, plan, { ...page, id: last.id, keys: last.keys ?? [] })
  return response
}

async function countPresent(
  { reader, caller }: QueryCall,
  plan: QueryPlan,
  { types, checked }: { types: TypeSource; checked: CheckedQuery },
): Promise<QueryResponse> {
  const counted = await loadCount(reader.pool, plan, types)
  await whenApplied(reader.replica.feed, counted, caller)
  await assertSameView(reader, types, caller)
  const response = startAnswer(checked, counted.revision)
  response.count = BigInt(counted.count)
  return response
}

export function startAnswer({ select }: CheckedQuery, revision: number): QueryResponse {
  const response = create(QueryResponseSchema)
  response.revision = BigInt(revision)
  response.columns = select.map(({ text }) => text)
  return response
}

/** How many entities may still be given; undefined: any number. */
export function leftOf({ tree, place }: QueryCall): number | undefined {
  if (place !== undefined) return place.left
  return tree.limit === 0 ? undefined : tree.limit
}

/** The last entity of a page, if there is a page behind it. */
export function lastOf<Row extends Pick<FoundRow, 'id'>>(
  { limit }: QueryPlan,
  rows: readonly Row[],
  left: number | undefined,
): Row | undefined {
  return rows.length > limit && left !== limit ? rows[limit - 1] : undefined
}

/** The cursor of the page behind an entity. */
export function nextCursor(
  call: QueryCall,
  { limit }: QueryPlan,
  { revision, logId, id, keys }: Pick<QueryPlace, 'revision' | 'logId' | 'id' | 'keys'>,
): string {
  const left = leftOf(call)
  const place = { revision, logId, left: left === undefined ? undefined : left - limit, keys, id }
  return writePlace(call.reader.cursors, place, call.identity)
}
