import type { EmitEvent } from '@qcore/contracts'
import type { ProtoWriter } from './proto-writer.ts'
import type { WireReader } from './wire-reader.ts'

const number = {
  namespace: 1,
  type: 2,
  payload: 3,
  producer: 4,
  correlationId: 5,
  orderKey: 6,
  dedupeKey: 11,
} as const

const bytesTag = (field: number): number => (field << 3) | 2
const tag = {
  namespace: bytesTag(number.namespace),
  type: bytesTag(number.type),
  payload: bytesTag(number.payload),
  producer: bytesTag(number.producer),
  correlationId: bytesTag(number.correlationId),
  orderKey: bytesTag(number.orderKey),
  dedupeKey: bytesTag(number.dedupeKey),
} as const

/** What is probably the same in all events of a request. Slot 0 is the field of writes. */
const slot = { namespace: 1, type: 2, producer: 3, orderKey: 4 } as const

/** Encodes the fields of an event; false if there is something unusual in it: times, windows, attributes. */
export function encodeEmitEvent(out: ProtoWriter, event: EmitEvent): boolean {
  const { delivery, expiry, dedupeWindowMs, attributes, $unknown } = event
  if (delivery.case !== undefined || expiry.case !== undefined || dedupeWindowMs !== 0n || $unknown !== undefined) {
    return false
  }
  for (const _name in attributes) return false
  if (event.namespace !== '') out.text(number.namespace, event.namespace)
  if (event.type !== '') out.text(number.type, event.type)
  if (event.payload !== '') out.text(number.payload, event.payload)
  if (event.producer !== '') out.text(number.producer, event.producer)
  if (event.correlationId !== '') out.text(number.correlationId, event.correlationId)
  if (event.orderKey !== '') out.text(number.orderKey, event.orderKey)
  if (event.dedupeKey !== '') out.text(number.dedupeKey, event.dedupeKey)
  return true
}

/** Decodes such an event. */
export function readEmitEvent(reader: WireReader, end: number): EmitEvent {
  const event: EmitEvent = {
    $typeName: 'qcore.events.v1.EmitEvent',
    namespace: '',
    type: '',
    payload: '',
    producer: '',
    correlationId: '',
    orderKey: '',
    delivery: { case: undefined },
    expiry: { case: undefined },
    dedupeKey: '',
    dedupeWindowMs: 0n,
    attributes: {},
  }
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.namespace:
        event.namespace = reader.repeatedText(slot.namespace)
        break
      case tag.type:
        event.type = reader.repeatedText(slot.type)
        break
      case tag.payload:
        event.payload = reader.text()
        break
      case tag.producer:
        event.producer = reader.repeatedText(slot.producer)
        break
      case tag.correlationId:
        event.correlationId = reader.text()
        break
      case tag.orderKey:
        event.orderKey = reader.repeatedText(slot.orderKey)
        break
      case tag.dedupeKey:
        event.dedupeKey = reader.text()
        break
      default:
        reader.giveUp()
    }
  }
  if (reader.position !== end) reader.giveUp()
  return event
}
