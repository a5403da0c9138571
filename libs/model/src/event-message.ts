import { create } from '@bufbuild/protobuf'
import { EventSchema, type Event } from '@qcore/contracts'
import { eventId, eventPosition, type DelayedEventFacts, type EventContent, type EventFacts } from './event-facts.ts'
import { attributesFromText } from './event-attributes.ts'
import { timestampFromMicros } from './timestamp.ts'

/** The message for an event. */
export function messageFromEvent(event: EventFacts): Event {
  const message = withContent(event)
  message.id = eventId(event)
  message.position = eventPosition(event)
  message.emitTime = timestampFromMicros(event.emittedUs)
  if (event.acceptedUs !== null) message.acceptTime = timestampFromMicros(event.acceptedUs)
  if (event.dueUs !== null) message.deliverTime = timestampFromMicros(event.dueUs)
  return message
}

/** The message for an event that is held. */
export function messageFromDelayedEvent(event: DelayedEventFacts): Event {
  const message = withContent(event)
  message.id = `${event.revision}.${event.index}`
  message.emitTime = message.deliverTime = timestampFromMicros(event.dueUs)
  message.acceptTime = timestampFromMicros(event.acceptedUs)
  return message
}

/** A message with what was emitted. Fields are set one by one: to give them all to `create` costs three times as much. */
function withContent(event: EventContent): Event {
  const message = create(EventSchema)
  message.namespace = event.namespace
  message.type = event.type
  message.payload = event.payload
  message.producer = event.producer
  message.correlationId = event.correlationId
  message.orderKey = event.orderKey
  message.writer = event.writer
  message.attributes = attributesFromText(event.attributes)
  if (event.expiresUs !== null) message.expireTime = timestampFromMicros(event.expiresUs)
  return message
}
