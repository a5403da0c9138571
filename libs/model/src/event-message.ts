import { create } from '@bufbuild/protobuf'
import { EventSchema, type Event } from '@qcore/contracts'
import { eventId, eventPosition, type EventFacts } from './event-facts.ts'
import { timestampFromMicros } from './timestamp.ts'

/** The message for an event. */
export function messageFromEvent(event: EventFacts): Event {
  const { emittedUs, namespace, type, payload, producer, correlationId, writer } = event
  return create(EventSchema, {
    id: eventId(event),
    position: eventPosition(event),
    emitTime: timestampFromMicros(emittedUs),
    namespace,
    type,
    payload,
    producer,
    correlationId,
    writer,
  })
}
