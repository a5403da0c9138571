import { create } from '@bufbuild/protobuf'
import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import { EmitEventSchema, type EmitEvent, type Event } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import { Timestamp, timestampFromMessage } from '../values/timestamp.ts'
import { RawJson } from './raw-json.ts'

/** What is said of an event besides its payload. */
export interface EventOptions {
  /** Who emits it: at most 128 visible ASCII characters. */
  readonly producer?: string
  /** What it belongs to: at most 128 visible ASCII characters. */
  readonly correlationId?: string
  /** Who asks for that handles the events of a namespace with the same key one after the other. */
  readonly orderKey?: string
  /** When it is to be emitted; until then it is held. At most 366 days ahead. */
  readonly deliverAt?: Timestamp | Date
  /** The same, after so many milliseconds. */
  readonly delayMs?: number
  /** After which nobody is to handle it. */
  readonly expireAt?: Timestamp | Date
  /** The same, so many milliseconds after it is emitted, or due. */
  readonly lifetimeMs?: number
  /** If an event of the namespace was emitted with the same key, this one is not. At most 128 visible ASCII characters. */
  readonly dedupeKey?: string
  /** How long the key counts, in milliseconds; default 300,000. */
  readonly dedupeWindowMs?: number
  /** Further attributes of a CloudEvent, for example `subject`. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** An event to emit. */
export interface EventInput {
  readonly namespace: string
  readonly type: string
  readonly payload: unknown
  readonly options: EventOptions
}

/** What was emitted. */
export interface EmittedEvent {
  /** Of a duplicate, the id of the first event. */
  readonly id: string
  readonly revision: number
  /** The time of the commit; undefined of a duplicate. */
  readonly time: Timestamp | undefined
  /** Whether an event with its dedupe key was emitted before, so that this one was not. */
  readonly isDuplicate: boolean
}

/** An event as it was emitted. */
export interface StoredEvent {
  readonly id: string
  readonly namespace: string
  readonly type: string
  /** The payload, parsed by `JSON.parse`. */
  readonly payload: unknown
  /** The payload as it was given. */
  readonly payloadText: string
  /** When it was emitted; while it is held, when it is due. */
  readonly time: Timestamp
  /** Where it is in the order of events; empty while it is held. */
  readonly position: string
  readonly producer: string
  readonly correlationId: string
  readonly orderKey: string
  readonly attributes: Readonly<Record<string, string>>
  /** The subject of the token. */
  readonly writer: string
  /** If it is, or was, held: the time of its commit. */
  readonly acceptedAt: Timestamp | undefined
  /** If it is, or was, held: when it is due. */
  readonly deliverAt: Timestamp | undefined
  /** After which nobody is to handle it. */
  readonly expiresAt: Timestamp | undefined
}

/** The message of an event to emit. Throws `invalid_request` for what JSON cannot hold, or two of what excludes each other. */
export function emitMessage({ namespace, type, payload, options }: EventInput, path: string): EmitEvent {
  const { producer = '', correlationId = '', orderKey = '', dedupeKey = '', dedupeWindowMs, attributes } = options
  const message = create(EmitEventSchema)
  message.namespace = namespace
  message.type = type
  if (payload !== undefined) message.payload = payloadText(payload, `${path}.payload`)
  message.producer = producer
  message.correlationId = correlationId
  message.orderKey = orderKey
  message.dedupeKey = dedupeKey
  if (dedupeWindowMs !== undefined) message.dedupeWindowMs = wholeMs(dedupeWindowMs, `${path}.dedupe_window_ms`)
  if (attributes !== undefined) message.attributes = { ...attributes }
  message.delivery = deliveryOf(options, path)
  message.expiry = expiryOf(options, path)
  return message
}

export function eventFromMessage(event: Event): StoredEvent {
  const { emitTime, acceptTime, deliverTime, expireTime } = event
  if (emitTime === undefined) throw new QError('internal', 'the event has no time')
  return {
    id: event.id,
    position: event.position,
    namespace: event.namespace,
    type: event.type,
    payload: JSON.parse(event.payload) as unknown,
    payloadText: event.payload,
    producer: event.producer,
    correlationId: event.correlationId,
    orderKey: event.orderKey,
    attributes: event.attributes,
    writer: event.writer,
    time: timestampFromMessage(emitTime),
    acceptedAt: acceptTime && timestampFromMessage(acceptTime),
    deliverAt: deliverTime && timestampFromMessage(deliverTime),
    expiresAt: expireTime && timestampFromMessage(expireTime),
  }
}

/** The message for an instant. */
export function timeMessage(time: Timestamp | Date): TimestampMessage {
  return timestampFromMicros((time instanceof Date ? Timestamp.fromDate(time) : time).micros)
}

function deliveryOf({ deliverAt, delayMs }: EventOptions, path: string): EmitEvent['delivery'] {
  if (deliverAt !== undefined && delayMs !== undefined) throw excluded(`${path}.delivery`, 'deliverAt', 'delayMs')
  if (deliverAt !== undefined) return { case: 'deliverTime', value: timeMessage(deliverAt) }
  if (delayMs !== undefined) return { case: 'delayMs', value: wholeMs(delayMs, `${path}.delay_ms`) }
  return { case: undefined }
}

function expiryOf({ expireAt, lifetimeMs }: EventOptions, path: string): EmitEvent['expiry'] {
  if (expireAt !== undefined && lifetimeMs !== undefined) throw excluded(`${path}.expiry`, 'expireAt', 'lifetimeMs')
  if (expireAt !== undefined) return { case: 'expireTime', value: timeMessage(expireAt) }
  if (lifetimeMs !== undefined) return { case: 'lifetimeMs', value: wholeMs(lifetimeMs, `${path}.lifetime_ms`) }
  return { case: undefined }
}

function excluded(field: string, one: string, other: string): QError {
  return new QError('invalid_request', `${one} and ${other} exclude each other`, { field })
}

function wholeMs(ms: number, field: string): bigint {
  if (Number.isFinite(ms) && ms >= 0) return BigInt(Math.round(ms))
  throw new QError('invalid_request', 'a time in milliseconds is a number from 0 on', { field })
}

function payloadText(payload: unknown, field: string): string {
  if (payload instanceof RawJson) return payload.text
  try {
    const text = JSON.stringify(payload) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    throw new QError('invalid_request', 'JSON cannot hold the payload', { field, cause: error })
  }
  throw new QError('invalid_request', 'JSON cannot hold the payload', { field })
}
