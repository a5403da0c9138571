import type { HandlerContext } from '@connectrpc/connect'
import type { QueryRequest, QueryResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { ReaderContext } from '../context.ts'
import { whenFresh } from '../freshness.ts'
import { answerPast } from '../past/read-past.ts'
import { asOfOf, type AsOf } from '../past/revision-as-of.ts'
import { identityOf, pageSizeOf, treeOf } from '../query/asked-query.ts'
import { answerFromPast } from '../query/past-answer.ts'
import { answerPresent, type QueryCall } from '../query/present-answer.ts'
import { readPlace, type QueryPlace } from '../query/query-cursor.ts'

export function query(
  reader: ReaderContext,
  request: QueryRequest,
  caller: HandlerContext,
): Promise<QueryResponse> | QueryResponse {
  const tree = treeOf(request.source)
  const pageSize = pageSizeOf(request)
  const identity = identityOf(tree, pageSize)
  const place = readPlace(reader.cursors, request.cursor, identity)
  const call: QueryCall = { reader, tree, pageSize, identity, place, caller }
  if (place !== undefined) return laterPage(call, place)
  const asOf = asOfOf(request.consistency)
  if (asOf !== undefined) return pastAnswer(call, asOf)
  return whenFresh(reader, request.consistency, caller, () => answerPresent(call))
}

/** A page of the revision of the first: of the present, if nothing was committed since. */
async function laterPage(call: QueryCall, place: QueryPlace): Promise<QueryResponse> {
  const { reader, caller } = call
  const { feed } = reader.replica
  const asOf: AsOf = { case: 'asOfRevision', value: BigInt(place.revision) }
  if (feed.appliedRevision < place.revision) await feed.waitFor(place.revision, caller.signal)
  if (feed.logId !== place.logId)
    throw new QError('log_replaced', 'the history of the store was replaced', { field: 'cursor' })
  if (feed.appliedRevision === place.revision) {
    const response = await answerPresent(call)
    if (response.revision === asOf.value) return response
  }
  return pastAnswer(call, asOf)
}

function pastAnswer(call: QueryCall, asOf: AsOf): Promise<QueryResponse> {
  return answerPast(call.reader, asOf, call.caller, (view) => answerFromPast(call, view))
}
