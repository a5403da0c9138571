import { cloudEventPrefix, eventAttributesHeader, eventPositionHeader } from '@qcore/contracts'
import { attributesFromText, textFromAttributes } from './event-attributes.ts'
import { eventId, eventPosition, parseEventPosition, type EventFacts } from './event-facts.ts'
import { headerFromText, textFromHeader } from './header-text.ts'
import { microsFromRfc3339, rfc3339FromMicros } from './rfc3339.ts'

type Headers = [name: string, value: string][]

/** What the headers of consecutive events mostly have in common. */
export type CommonFacts = Pick<EventFacts, 'namespace' | 'type' | 'producer' | 'orderKey' | 'writer'>

/**
 * The headers of an event's message in the stream of events, but for those that it has in common with others: CloudEvents 1.0 in
 * binary mode, and where it is in the order.
 */
export function ownHeadersFromEvent(event: EventFacts): Headers {
  const headers: Headers = [[eventPositionHeader, eventPosition(event)]]
  add(headers, 'id', eventId(event))
  add(headers, 'time', rfc3339FromMicros(event.emittedUs))
  add(headers, 'correlationid', event.correlationId)
  add(headers, 'expirytime', timeText(event.expiresUs))
  add(headers, 'accepttime', timeText(event.acceptedUs))
  add(headers, 'delivertime', timeText(event.dueUs))
  if (event.attributes === '') return headers
  const attributes = attributesFromText(event.attributes)
  headers.push([eventAttributesHeader, Object.keys(attributes).join(',')])
  for (const [name, value] of Object.entries(attributes)) add(headers, name, value)
  return headers
}

/** The further headers of an event's message. */
export function commonHeadersFromEvent(store: string, event: CommonFacts): Headers {
  const headers: Headers = [['content-type', 'application/json']]
  add(headers, 'specversion', '1.0')
  add(headers, 'source', `/${store}/${event.namespace}`)
  add(headers, 'type', event.type)
  add(headers, 'namespace', event.namespace)
  add(headers, 'producer', event.producer)
  add(headers, 'partitionkey', event.orderKey)
  add(headers, 'writer', event.writer)
  return headers
}

function add(headers: Headers, name: string, value: string): void {
  if (value !== '') headers.push([`${cloudEventPrefix}${name}`, headerFromText(value)])
}

/** The headers of the attributes that events have. */
const names = {
  id: `${cloudEventPrefix}id`,
  type: `${cloudEventPrefix}type`,
  time: `${cloudEventPrefix}time`,
  namespace: `${cloudEventPrefix}namespace`,
  producer: `${cloudEventPrefix}producer`,
  correlationId: `${cloudEventPrefix}correlationid`,
  partitionKey: `${cloudEventPrefix}partitionkey`,
  expiryTime: `${cloudEventPrefix}expirytime`,
  acceptTime: `${cloudEventPrefix}accepttime`,
  deliverTime: `${cloudEventPrefix}delivertime`,
  writer: `${cloudEventPrefix}writer`,
} as const

/** The event of a message in the stream of events; undefined if it is none. */
export function eventFromHeaders(header: (name: string) => string, payload: string): EventFacts | undefined {
  const text = (name: string): string => textFromHeader(header(name))
  const time = (name: string): number | null => {
    const given = header(name)
    return given === '' ? null : (microsFromRfc3339(given) ?? null)
  }
  const place = parseEventPosition(header(eventPositionHeader))
  const id = header(names.id) === header(eventPositionHeader) ? place : parseEventPosition(header(names.id))
  const emittedUs = time(names.time)
  if (place === undefined || id === undefined || emittedUs === null) return undefined
  const wasHeld = id.revision !== place.revision || id.index !== place.index
  return {
    ...place,
    emittedUs,
    idRevision: wasHeld ? id.revision : null,
    idIndex: wasHeld ? id.index : null,
    acceptedUs: time(names.acceptTime),
    dueUs: time(names.deliverTime),
    namespace: text(names.namespace),
    type: text(names.type),
    payload,
    producer: text(names.producer),
    correlationId: text(names.correlationId),
    orderKey: text(names.partitionKey),
    attributes: textFromAttributes(furtherAttributes(header(eventAttributesHeader), text)),
    writer: text(names.writer),
    expiresUs: time(names.expiryTime),
  }
}

function furtherAttributes(list: string, text: (name: string) => string): Record<string, string> {
  if (list === '') return {}
  return Object.fromEntries(list.split(',').map((name) => [name, text(`${cloudEventPrefix}${name}`)]))
}

function timeText(micros: number | null): string {
  return micros === null ? '' : rfc3339FromMicros(micros)
}
