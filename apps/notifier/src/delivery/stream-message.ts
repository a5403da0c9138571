import type { Msg } from '@nats-io/transport-node'
import type { Event } from '@qcore/contracts'
import { eventFromHeaders, messageFromEvent } from '@qcore/model'
import { parseAckSubject } from './delivery-id.ts'
import type { HeaderReader } from './read-headers.ts'
import type { EventPlace } from './sql/subscription-row.ts'

/** An event as a consumer delivered it. */
export interface StreamMessage extends EventPlace {
  readonly event: Event
  readonly emittedUs: number
  /** After which nobody is to handle it, in microseconds since 1970; null: never. */
  readonly expiresUs: number | null
  readonly ackSubject: string
  /** How often it was delivered, this time included. */
  readonly delivered: number
  /** Tells this delivery from all others of the event. */
  readonly answer: string
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number
}

/** Reads a message of the stream of events; undefined if it is no event. */
export function readStreamMessage(message: Msg, headers: HeaderReader): StreamMessage | undefined {
  const facts = eventFromHeaders(headers.read(message), message.string())
  const ackSubject = message.reply ?? ''
  const ack = parseAckSubject(ackSubject)
  if (facts === undefined || ack === undefined) return undefined
  const { revision, index, emittedUs, expiresUs } = facts
  const { delivered, answer } = ack
  const event = messageFromEvent(facts)
  return { revision, index, event, emittedUs, expiresUs, ackSubject, delivered, answer, arrivedAt: performance.now() }
}

/** Whether nobody is to handle an event any more, at a time on the clock of PostgreSQL, in microseconds since 1970. */
export function hasExpired({ expiresUs }: StreamMessage, nowUs: number): boolean {
  return expiresUs !== null && expiresUs < nowUs
}
