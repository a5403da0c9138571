import { create } from '@bufbuild/protobuf'
import { GetEventResponseSchema, type GetEventRequest, type GetEventResponse } from '@qcore/contracts'
import { loadDelayedEvent, loadEventById, readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import { messageFromDelayedEvent, messageFromEvent } from '@qcore/model'
import type { ReaderContext } from '../context.ts'

/** EventLogService.GetEvent: also of an event that is held. */
export async function getEvent(
  { pool }: Pick<ReaderContext, 'pool'>,
  { eventId }: GetEventRequest,
): Promise<GetEventResponse> {
  const [revision = 0, index = 0] = eventId.split('.').map(Number)
  // What is held may be released between two looks, but not held again.
  const held = await readDatabase(loadDelayedEvent(pool, revision, index))
  if (held !== undefined) return create(GetEventResponseSchema, { event: messageFromDelayedEvent(held) })
  const row = await readDatabase(loadEventById(pool, revision, index))
  if (row === undefined) throw new QError('unknown_event', `there is no event ${eventId}`, { field: 'event_id' })
  return create(GetEventResponseSchema, { event: messageFromEvent(row) })
}
