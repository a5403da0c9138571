import { create } from '@bufbuild/protobuf'
import { GetEventResponseSchema, type GetEventRequest, type GetEventResponse } from '@qcore/contracts'
import { loadEvent, readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import { messageFromEvent } from '@qcore/model'
import type { ReaderContext } from '../context.ts'

/** EventLogService.GetEvent. */
export async function getEvent(
  { pool }: Pick<ReaderContext, 'pool'>,
  { eventId }: GetEventRequest,
): Promise<GetEventResponse> {
  const [revision = 0, index = 0] = eventId.split('.').map(Number)
  const row = await readDatabase(loadEvent(pool, revision, index))
  if (row === undefined) throw new QError('unknown_event', `there is no event ${eventId}`, { field: 'event_id' })
  return create(GetEventResponseSchema, { event: messageFromEvent(row) })
}
