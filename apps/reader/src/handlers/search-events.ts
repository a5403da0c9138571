import { clone, create, toBinary } from '@bufbuild/protobuf'
import {
  EventOrder,
  SearchEventsRequestSchema,
  SearchEventsResponseSchema,
  type SearchEventsRequest,
  type SearchEventsResponse,
} from '@qcore/contracts'
import { readDatabase, searchEvents as searchRows, type EventPosition, type EventSearch } from '@qcore/database'
import { messageFromEvent, microsFromTimestamp } from '@qcore/model'
import type { ReaderContext } from '../context.ts'
import { eventTypePattern } from '../events/event-type-pattern.ts'

const defaultLimit = 100

/** EventLogService.SearchEvents: a bounded part of an index a page. */
export async function searchEvents(
  { pool, cursors }: Pick<ReaderContext, 'pool' | 'cursors'>,
  request: SearchEventsRequest,
): Promise<SearchEventsResponse> {
  const identity = clone(SearchEventsRequestSchema, request)
  identity.cursor = ''
  const cursorBytes = toBinary(SearchEventsRequestSchema, identity)
  const at = cursors.read(request.cursor, cursorBytes)
  const [emittedUs = 0, revision = 0] = at?.key.split(',').map(Number) ?? []
  const after = at === undefined ? undefined : { emittedUs, revision, index: Number(at.id) }
  const { events, last } = await readDatabase(searchRows(pool, searchOf(request, after)))
  return create(SearchEventsResponseSchema, {
    events: events.map(messageFromEvent),
    nextCursor: last === undefined ? '' : cursors.write(pageEnd(last), cursorBytes),
  })
}

function pageEnd({ emittedUs, revision, index }: EventPosition): { key: string; id: string } {
  return { key: `${emittedUs},${revision}`, id: `${index}` }
}

function searchOf(request: SearchEventsRequest, after: EventPosition | undefined): EventSearch {
  const { namespace, type, producer, correlationId, fromTime, toTime, order, limit } = request
  const typePattern = eventTypePattern(type)
  return {
    namespace,
    type: type === '' || type === '>' || typePattern !== undefined ? undefined : type,
    typePattern,
    producer: producer === '' ? undefined : producer,
    correlationId: correlationId === '' ? undefined : correlationId,
    fromUs: fromTime === undefined ? 0 : Number(microsFromTimestamp(fromTime, 'from_time')),
    toUs: toTime === undefined ? Number.MAX_SAFE_INTEGER : Number(microsFromTimestamp(toTime, 'to_time')),
    newestFirst: order !== EventOrder.OLDEST_FIRST,
    after,
    limit: limit === 0 ? defaultLimit : limit,
  }
}
