import { create } from '@bufbuild/protobuf'
import { mayUseNamespace, type Claims } from '@qcore/access'
import { GetEventResponseSchema, type Event, type GetEventRequest, type GetEventResponse } from '@qcore/contracts'
import { loadDelayedEvent, loadEventById, readDatabase, type Pool } from '@qcore/database'
import { QError } from '@qcore/errors'
import { messageFromDelayedEvent, messageFromEvent } from '@qcore/model'
import type { ReaderContext } from '../context.ts'

/** EventLogService.GetEvent: also of an event that is held. One of a namespace that the caller may not use is unknown. */
export async function getEvent(
  { pool }: Pick<ReaderContext, 'pool'>,
  { eventId }: GetEventRequest,
  caller: Claims,
): Promise<GetEventResponse> {
  const event = await findEvent(pool, eventId)
  if (event === undefined || !mayUseNamespace(caller, event.namespace)) {
    throw new QError('unknown_event', `there is no event ${eventId}`, { field: 'event_id' })
  }
  return create(GetEventResponseSchema, { event })
}

async function findEvent(pool: Pool, eventId: string): Promise<Event | undefined> {
  const [revision = 0, index = 0] = eventId.split('.').map(Number)
  // What is held may be released between two looks, but not held again.
  const held = await readDatabase(loadDelayedEvent(pool, revision, index))
  if (held !== undefined) return messageFromDelayedEvent(held)
  const row = await readDatabase(loadEventById(pool, revision, index))
  return row === undefined ? undefined : messageFromEvent(row)
}
