import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { Event, Occurrence } from '@qcore/contracts'
import { z } from 'zod'

const toldSchema = z.object({
  event_id: z.string(),
  name: z.string(),
  description: z.string(),
  metadata: z.unknown(),
  tags: z.array(z.string()),
})

/** What is told of an event that is due. */
export type Told = z.infer<typeof toldSchema>

/** Undefined for what is none of ours. */
export function readTold(payload: string): Told | undefined {
  const parsed = toldSchema.safeParse(JSON.parse(payload))
  return parsed.success ? parsed.data : undefined
}

/** The frame of an event that is due, with the members of every version. */
export function dueFrame(told: Told, event: Event, occurrence: Occurrence | undefined) {
  const { emitTime, correlationId } = event
  const time = occurrence?.nominalTime ?? emitTime
  return {
    type: 'event',
    ...told,
    occurrence_id: correlationId,
    scheduled_at: time === undefined ? null : timestampDate(time).toISOString(),
    payload: told.metadata,
  }
}
