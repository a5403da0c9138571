import { cloudEventPrefix, eventPositionHeader, type Event } from '@qcore/contracts'
import { attributesFromText, ownAttributes, textFromAttributes } from './event-attributes.ts'
import { eventId, eventPosition, parseEventPosition, type EventFacts } from './event-facts.ts'
import { messageFromEvent } from './event-message.ts'
import { headerFromText, textFromHeader } from './header-text.ts'
import { microsFromRfc3339, rfc3339FromMicros } from './rfc3339.ts'

const specVersion = '1.0'
export const cloudEventDataType = 'application/json'

/** The attributes of an event as CloudEvents 1.0 names them; those that are empty are left out. */
export function cloudEventAttributes(store: string, event: EventFacts): [name: string, value: string][] {
  const attributes: [string, string][] = [
    ['specversion', specVersion],
    ['id', eventId(event)],
    ['source', `/${store}/${event.namespace}`],
    ['type', event.type],
    ['time', rfc3339FromMicros(event.emittedUs)],
    ['namespace', event.namespace],
    ['producer', event.producer],
    ['correlationid', event.correlationId],
    ['partitionkey', event.orderKey],
    ['expirytime', timeText(event.expiresUs)],
    ['accepttime', timeText(event.acceptedUs)],
    ['delivertime', timeText(event.dueUs)],
    ['writer', event.writer],
    ...Object.entries(attributesFromText(event.attributes)),
  ]
  return attributes.filter(([, value]) => value !== '')
}

/** The headers of an event's message in the stream of events: CloudEvents 1.0 in binary mode, and where it is in the order. */
export function headersFromEvent(store: string, event: EventFacts): [name: string, value: string][] {
  const headers: [string, string][] = [
    [eventPositionHeader, eventPosition(event)],
    ['content-type', cloudEventDataType],
  ]
  for (const [name, value] of cloudEventAttributes(store, event)) {
    headers.push([`${cloudEventPrefix}${name}`, headerFromText(value)])
  }
  return headers
}

/**
 * The event of a message in the stream of events; undefined if it is none.
 *
 * @param names of all headers: among them are those of further attributes
 */
export function eventFromHeaders(
  header: (name: string) => string,
  payload: string,
  names: Iterable<string> = [],
): Event | undefined {
  const attribute = (name: string): string => textFromHeader(header(`${cloudEventPrefix}${name}`))
  const time = (name: string): number | null => microsFromRfc3339(attribute(name)) ?? null
  const place = parseEventPosition(header(eventPositionHeader))
  const id = parseEventPosition(attribute('id'))
  const emittedUs = time('time')
  if (place === undefined || id === undefined || emittedUs === null) return undefined
  const wasHeld = id.revision !== place.revision || id.index !== place.index
  return messageFromEvent({
    ...place,
    emittedUs,
    idRevision: wasHeld ? id.revision : null,
    idIndex: wasHeld ? id.index : null,
    acceptedUs: time('accepttime'),
    dueUs: time('delivertime'),
    namespace: attribute('namespace'),
    type: attribute('type'),
    payload,
    producer: attribute('producer'),
    correlationId: attribute('correlationid'),
    orderKey: attribute('partitionkey'),
    attributes: textFromAttributes(furtherAttributes(header, names)),
    writer: attribute('writer'),
    expiresUs: time('expirytime'),
  })
}

function furtherAttributes(header: (name: string) => string, names: Iterable<string>): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const key of names) {
    const name = key.slice(cloudEventPrefix.length)
    if (key.startsWith(cloudEventPrefix) && !ownAttributes.has(name)) attributes[name] = textFromHeader(header(key))
  }
  return attributes
}

function timeText(micros: number | null): string {
  return micros === null ? '' : rfc3339FromMicros(micros)
}
