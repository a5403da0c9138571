import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { EventSchema, type Event } from '@qcore/contracts'
import { eventId, eventPosition, type DelayedEventFacts, type EventContent, type EventFacts } from './event-facts.ts'
import { attributesFromText } from './event-attributes.ts'
import { timestampFromMicros } from './timestamp.ts'

/** The message for an event. */
export function messageFromEvent(event: EventFacts): Event {
  const { emittedUs, acceptedUs, dueUs } = event
  return create(EventSchema, {
    ...contentOf(event),
    id: eventId(event),
    position: eventPosition(event),
    emitTime: timestampFromMicros(emittedUs),
    ...(acceptedUs === null ? {} : { acceptTime: timestampFromMicros(acceptedUs) }),
    ...(dueUs === null ? {} : { deliverTime: timestampFromMicros(dueUs) }),
  })
}

/** The message for an event that is held. */
export function messageFromDelayedEvent(event: DelayedEventFacts): Event {
  const dueTime = timestampFromMicros(event.dueUs)
  return create(EventSchema, {
    ...contentOf(event),
    id: `${event.revision}.${event.index}`,
    emitTime: dueTime,
    acceptTime: timestampFromMicros(event.acceptedUs),
    deliverTime: dueTime,
  })
}

function contentOf(event: EventContent): MessageInitShape<typeof EventSchema> {
  const { namespace, type, payload, producer, correlationId, orderKey, writer, expiresUs } = event
  const attributes = attributesFromText(event.attributes)
  const content = { namespace, type, payload, producer, correlationId, orderKey, writer, attributes }
  return expiresUs === null ? content : { ...content, expireTime: timestampFromMicros(expiresUs) }
}
