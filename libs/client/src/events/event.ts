import { create } from '@bufbuild/protobuf'
import { EmitEventSchema, type EmitEvent, type Event } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import { RawJson } from './raw-json.ts'

/** What is said of an event besides its payload. */
export interface EventOptions {
  /** Who emits it: at most 128 visible ASCII characters. */
  readonly producer?: string
  /** What it belongs to: at most 128 visible ASCII characters. */
  readonly correlationId?: string
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
  readonly id: string
  readonly revision: number
  /** The time of the commit. */
  readonly time: Timestamp | undefined
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
  readonly time: Timestamp
  readonly producer: string
  readonly correlationId: string
  /** The subject of the token. */
  readonly writer: string
}

/** The message of an event to emit. Throws `invalid_request` for what JSON cannot hold. */
export function emitMessage({ namespace, type, payload, options }: EventInput, path: string): EmitEvent {
  const { producer = '', correlationId = '' } = options
  const text = payload === undefined ? '' : payloadText(payload, `${path}.payload`)
  return create(EmitEventSchema, { namespace, type, payload: text, producer, correlationId })
}

export function eventFromMessage(event: Event): StoredEvent {
  const { id, namespace, type, payload, emitTime, producer, correlationId, writer } = event
  if (emitTime === undefined) throw new QError('internal', 'the event has no time')
  const time = timestampFromMessage(emitTime)
  const content = { payload: JSON.parse(payload) as unknown, payloadText: payload }
  return { id, namespace, type, ...content, time, producer, correlationId, writer }
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
