import type { Msg } from '@nats-io/transport-node'
import type { Event } from '@qcore/contracts'
import { eventFromHeaders, microsFromTimestamp, parseEventPosition } from '@qcore/model'
import { parseAckSubject } from './delivery-id.ts'
import { readHeaders } from './read-headers.ts'
import type { EventPlace } from './sql/subscription-row.ts'

/** An event as a consumer delivered it. */
export interface StreamMessage extends EventPlace {
  readonly event: Event
  readonly emittedUs: number
  readonly ackSubject: string
  /** How often it was delivered, this time included. */
  readonly delivered: number
  /** Tells this delivery from all others of the event. */
  readonly answer: string
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number
}

/** Reads a message of the stream of events; undefined if it is no event. */
export function readStreamMessage(message: Msg): StreamMessage | undefined {
  const headers = readHeaders(message)
  const event = eventFromHeaders((name) => headers.get(name) ?? '', message.string())
  const ackSubject = message.reply ?? ''
  const ack = parseAckSubject(ackSubject)
  const place = event === undefined ? undefined : parseEventPosition(event.position)
  if (event?.emitTime === undefined || ack === undefined || place === undefined) return undefined
  const { delivered, answer } = ack
  const emittedUs = Number(microsFromTimestamp(event.emitTime, ''))
  return { ...place, event, emittedUs, ackSubject, delivered, answer, arrivedAt: performance.now() }
}

/** Whether nobody is to handle an event any more, at a time on the clock of PostgreSQL, in microseconds since 1970. */
export function hasExpired({ event: { expireTime } }: StreamMessage, nowUs: number): boolean {
  return expireTime !== undefined && Number(microsFromTimestamp(expireTime, '')) < nowUs
}
