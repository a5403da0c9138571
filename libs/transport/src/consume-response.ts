import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { ConsumeResponseSchema, type ConsumeResponse, type Event, type EventDelivery } from '@qcore/contracts'
import { ProtoWriter } from './proto-writer.ts'
import { readTime } from './read-fields-answer.ts'
import { WireReader } from './wire-reader.ts'

const number = {
  responseDeliveries: 2,
  deliveries: 1,
  deliveryId: 1,
  subscription: 2,
  event: 3,
  redeliveries: 4,
  attempt: 5,
  replayOf: 6,
  id: 1,
  namespace: 2,
  type: 3,
  payload: 4,
  emitTime: 5,
  producer: 6,
  correlationId: 7,
  writer: 8,
  position: 9,
  orderKey: 10,
  acceptTime: 11,
  deliverTime: 12,
  expireTime: 13,
  seconds: 1,
  nanos: 2,
} as const

const bytesTag = (field: number): number => (field << 3) | 2
const varintTag = (field: number): number => (field << 3) | 0
const tag = {
  responseDeliveries: bytesTag(number.responseDeliveries),
  deliveries: bytesTag(number.deliveries),
  deliveryId: bytesTag(number.deliveryId),
  subscription: varintTag(number.subscription),
  event: bytesTag(number.event),
  redeliveries: varintTag(number.redeliveries),
  attempt: varintTag(number.attempt),
  replayOf: bytesTag(number.replayOf),
  id: bytesTag(number.id),
  namespace: bytesTag(number.namespace),
  type: bytesTag(number.type),
  payload: bytesTag(number.payload),
  emitTime: bytesTag(number.emitTime),
  producer: bytesTag(number.producer),
  correlationId: bytesTag(number.correlationId),
  writer: bytesTag(number.writer),
  position: bytesTag(number.position),
  orderKey: bytesTag(number.orderKey),
  acceptTime: bytesTag(number.acceptTime),
  deliverTime: bytesTag(number.deliverTime),
  expireTime: bytesTag(number.expireTime),
} as const

/** What is probably the same in all events of an answer. Slot 0 is the writer of fields. */
const slot = { namespace: 1, type: 2, producer: 3, writer: 4, orderKey: 5 } as const

let scratch: ProtoWriter | undefined

/** Encodes events for a node as protobuf-es does and faster; what else a node is sent is left to it. */
export function encodeConsumeResponse(response: ConsumeResponse): Uint8Array {
  const { kind, $unknown } = response
  const out = (scratch ??= new ProtoWriter())
  out.rewind()
  const isUsual = $unknown === undefined && kind.case === 'deliveries' && kind.value.$unknown === undefined
  if (!isUsual || !encodeDeliveries(out, kind.value.deliveries)) return toBinary(ConsumeResponseSchema, response)
  return Buffer.from(out.slice(0, out.length))
}

/** False if there is something unusual in it. */
function encodeDeliveries(out: ProtoWriter, deliveries: readonly EventDelivery[]): boolean {
  const start = out.begin(number.responseDeliveries)
  for (const delivery of deliveries) if (!encodeDelivery(out, delivery)) return false
  out.finish(start)
  return true
}

function encodeDelivery(out: ProtoWriter, delivery: EventDelivery): boolean {
  const { deliveryId, subscription, event, redeliveries, attempt, replayOf, $unknown } = delivery
  if (event === undefined || $unknown !== undefined) return false
  const start = out.begin(number.deliveries)
  if (deliveryId !== '') out.text(number.deliveryId, deliveryId)
  out.uint(number.subscription, subscription)
  if (!encodeEvent(out, event)) return false
  out.uint(number.redeliveries, redeliveries)
  out.uint(number.attempt, attempt)
  if (replayOf !== '') out.text(number.replayOf, replayOf)
  out.finish(start)
  return true
}

function encodeEvent(out: ProtoWriter, event: Event): boolean {
  const { emitTime, acceptTime, deliverTime, expireTime, $unknown } = event
  if ($unknown !== undefined || Object.keys(event.attributes).length > 0) return false
  const start = out.begin(number.event)
  if (event.id !== '') out.text(number.id, event.id)
  if (event.namespace !== '') out.text(number.namespace, event.namespace)
  if (event.type !== '') out.text(number.type, event.type)
  if (event.payload !== '') out.text(number.payload, event.payload)
  if (!encodeTime(out, number.emitTime, emitTime)) return false
  if (event.producer !== '') out.text(number.producer, event.producer)
  if (event.correlationId !== '') out.text(number.correlationId, event.correlationId)
  if (event.writer !== '') out.text(number.writer, event.writer)
  if (event.position !== '') out.text(number.position, event.position)
  if (event.orderKey !== '') out.text(number.orderKey, event.orderKey)
  if (!encodeTime(out, number.acceptTime, acceptTime)) return false
  if (!encodeTime(out, number.deliverTime, deliverTime)) return false
  if (!encodeTime(out, number.expireTime, expireTime)) return false
  out.finish(start)
  return true
}

function encodeTime(out: ProtoWriter, field: number, time: Timestamp | undefined): boolean {
  if (time === undefined) return true
  const { seconds, nanos, $unknown } = time
  if (seconds < 0n || seconds > Number.MAX_SAFE_INTEGER || nanos < 0 || $unknown !== undefined) return false
  const start = out.begin(field)
  out.uint(number.seconds, Number(seconds))
  out.uint(number.nanos, nanos)
  out.finish(start)
  return true
}

/** Decodes what a node is sent as protobuf-es does and faster. What is not usual in it is left to protobuf-es. */
export function decodeConsumeResponse(body: Uint8Array): ConsumeResponse {
  return usualResponse(new WireReader(body)) ?? fromBinary(ConsumeResponseSchema, body)
}

/** Undefined: there is something unusual in it, or it is no such answer. */
function usualResponse(reader: WireReader): ConsumeResponse | undefined {
  if (reader.byte() !== tag.responseDeliveries) return undefined
  const end = reader.limit()
  const deliveries: EventDelivery[] = []
  while (reader.position < end && !reader.isUnusual) {
    if (reader.byte() !== tag.deliveries) return undefined
    deliveries.push(readDelivery(reader, reader.limit()))
  }
  // Of two members the last one counts; two of one kind are merged.
  if (reader.isUnusual || reader.position !== end || end !== reader.end) return undefined
  const value = { $typeName: 'qcore.events.v1.EventDeliveries' as const, deliveries }
  return { $typeName: 'qcore.events.v1.ConsumeResponse', kind: { case: 'deliveries', value } }
}

function readDelivery(reader: WireReader, end: number): EventDelivery {
  let deliveryId = ''
  let subscription = 0
  let event: Event | undefined
  let redeliveries = 0
  let attempt = 0
  let replayOf = ''
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.deliveryId:
        deliveryId = reader.text()
        break
      case tag.subscription:
        subscription = reader.small()
        break
      case tag.event:
        if (event !== undefined) reader.giveUp()
        event = readEvent(reader, reader.limit())
        break
      case tag.redeliveries:
        redeliveries = reader.small()
        break
      case tag.attempt:
        attempt = reader.small()
        break
      case tag.replayOf:
        replayOf = reader.text()
        break
      default:
        reader.giveUp()
    }
  }
  if (reader.position !== end || event === undefined) reader.giveUp()
  const $typeName = 'qcore.events.v1.EventDelivery'
  const delivery = { $typeName, deliveryId, subscription, redeliveries, attempt, replayOf } as const
  return event === undefined ? delivery : { ...delivery, event }
}

function readEvent(reader: WireReader, end: number): Event {
  const event: Event = {
    $typeName: 'qcore.events.v1.Event',
    id: '',
    namespace: '',
    type: '',
    payload: '',
    producer: '',
    correlationId: '',
    writer: '',
    position: '',
    orderKey: '',
    attributes: {},
  }
  while (reader.position < end && !reader.isUnusual) readPart(reader, event)
  if (reader.position !== end) reader.giveUp()
  return event
}

function readPart(reader: WireReader, event: Event): void {
  switch (reader.byte()) {
    case tag.id:
      event.id = reader.text()
      break
    case tag.namespace:
      event.namespace = reader.repeatedText(slot.namespace)
      break
    case tag.type:
      event.type = reader.repeatedText(slot.type)
      break
    case tag.payload:
      event.payload = reader.text()
      break
    case tag.emitTime:
      event.emitTime = readOnce(reader, event.emitTime)
      break
    case tag.producer:
      event.producer = reader.repeatedText(slot.producer)
      break
    case tag.correlationId:
      event.correlationId = reader.text()
      break
    case tag.writer:
      event.writer = reader.repeatedText(slot.writer)
      break
    case tag.position:
      event.position = reader.text()
      break
    case tag.orderKey:
      event.orderKey = reader.repeatedText(slot.orderKey)
      break
    case tag.acceptTime:
      event.acceptTime = readOnce(reader, event.acceptTime)
      break
    case tag.deliverTime:
      event.deliverTime = readOnce(reader, event.deliverTime)
      break
    case tag.expireTime:
      event.expireTime = readOnce(reader, event.expireTime)
      break
    default:
      reader.giveUp()
  }
}

/** Protobuf-es would merge two times. */
function readOnce(reader: WireReader, former: Timestamp | undefined): Timestamp {
  if (former !== undefined) reader.giveUp()
  return readTime(reader, reader.limit())
}
