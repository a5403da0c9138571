import { eventStreamName } from '@qcore/contracts'
import type { EventPlace } from './sql/subscription-row.ts'

/** A message of a consumer that waits for an answer. */
export interface StreamDelivery extends EventPlace {
  readonly kind: 'stream'
  readonly subscriptionId: string
  /** Where JetStream waits for the answer. */
  readonly ackSubject: string
  /** Of the message in the stream. */
  readonly sequence: number
  /** Tells this delivery from all others of the event. */
  readonly answer: string
}

/** A dead letter that is being tried again. */
export interface ReplayDelivery {
  readonly kind: 'replay'
  readonly deadLetterId: number
  readonly claim: number
}

export type DeliveryName = StreamDelivery | ReplayDelivery

const streamPattern = /^(\d{1,15})\.(\d{1,6}):(\$JS\.ACK(?:\.[A-Za-z0-9_=-]+)+)$/
const replayPattern = /^r(\d{1,15})\.(\d{1,9})$/

/** The id of a delivery. */
export function deliveryId({ revision, index }: EventPlace, ackSubject: string): string {
  return `${revision}.${index}:${ackSubject}`
}

export function replayDeliveryId(deadLetterId: number, claim: number): string {
  return `r${deadLetterId}.${claim}`
}

/** Reads the id of a delivery of a store; undefined if it is none. */
export function parseDeliveryId(id: string, store: string): DeliveryName | undefined {
  const replay = replayPattern.exec(id)
  if (replay !== null) {
    const [, deadLetterId, claim] = replay
    return { kind: 'replay', deadLetterId: Number(deadLetterId), claim: Number(claim) }
  }
  const [, revision, index, ackSubject = ''] = streamPattern.exec(id) ?? []
  const message = parseAckSubject(ackSubject)
  if (message === undefined || message.stream !== eventStreamName(store)) return undefined
  const { consumer: subscriptionId, sequence, answer } = message
  const place = { revision: Number(revision), index: Number(index) }
  return { kind: 'stream', ...place, subscriptionId, ackSubject, sequence, answer }
}

export interface AckSubject {
  readonly stream: string
  readonly consumer: string
  readonly delivered: number
  readonly sequence: number
  /** Tells this delivery from all others of the message, and of the same event in another stream. */
  readonly answer: string
}

/** What the subject says where JetStream waits for the answer to a message; undefined if it is another subject. */
export function parseAckSubject(subject: string): AckSubject | undefined {
  const parts = subject.split('.')
  // Servers with domains put a domain and the hash of an account before the stream.
  const first = parts.length === 9 ? 2 : 4
  if (parts[0] !== '$JS' || parts[1] !== 'ACK' || (parts.length !== 9 && parts.length < 11)) return undefined
  const [stream = '', consumer = '', delivered, sequence, , storedAt] = parts.slice(first)
  const numbers = { delivered: Number(delivered), sequence: Number(sequence) }
  if (!Number.isSafeInteger(numbers.delivered) || !Number.isSafeInteger(numbers.sequence)) return undefined
  return { stream, consumer, ...numbers, answer: `${sequence}.${delivered}.${storedAt}` }
}
