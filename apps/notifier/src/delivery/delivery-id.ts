import { eventStreamName } from '@qcore/contracts'
import type { EventPlace, SubscriptionRow } from './sql/subscription-row.ts'

/** A message of a consumer that waits for an answer. */
export interface StreamDelivery extends EventPlace {
  readonly kind: 'stream'
  readonly subscriptionId: string
  readonly consumer: string
  /** Where JetStream waits for the answer. */
  readonly ackSubject: string
  /** Of the message in the stream. */
  readonly sequence: number
  /** How often it was delivered, this time included. */
  readonly delivered: number
  /** From when on another node may have it too, in milliseconds since 1970. */
  readonly lateAtMs: number
  /** Tells this delivery from all others of the event. */
  readonly answer: string
}

/** A dead letter that is being tried again. */
export interface ReplayDelivery {
  readonly kind: 'replay'
  readonly deadLetterId: number
  readonly claim: number
}

/** An event of a subscription with an order, whose turn it was. */
export interface TurnDelivery extends EventPlace {
  readonly kind: 'turn'
  readonly subscriptionId: string
  readonly consumer: string
  /** How often it was given to a node, this time included. */
  readonly handing: number
  /** Of the message in the stream. */
  readonly sequence: number
  /** Tells this delivery from all others of the event. */
  readonly answer: string
}

export type DeliveryName = StreamDelivery | TurnDelivery | ReplayDelivery

const streamPattern = /^(\d{1,15})\.(\d{1,6})(?:@(\d{1,15}))?:(\$JS\.ACK(?:\.[A-Za-z0-9_=-]+)+)$/
const turnPattern = /^t(\d{1,9}):(.*)$/
const replayPattern = /^r(\d{1,15})\.(\d{1,9})$/

/** The name of the consumer of a subscription, as it was made last. */
export function consumerName({ id, consumerUs }: Pick<SubscriptionRow, 'id' | 'consumerUs'>): string {
  return `${id}-${consumerUs}`
}

/** Whether a consumer is one of a subscription, and not somebody's own. */
export function isConsumerName(name: string): boolean {
  return /^[0-9A-Za-z]{22}-\d{16}$/.test(name)
}

/** The id of a delivery. */
export function deliveryId({ revision, index }: EventPlace, lateAtMs: number, ackSubject: string): string {
  return `${revision}.${index}@${Math.floor(lateAtMs)}:${ackSubject}`
}

export function turnDeliveryId({ revision, index }: EventPlace, handing: number, ackSubject: string): string {
  return `t${handing}:${revision}.${index}:${ackSubject}`
}

export function replayDeliveryId(deadLetterId: number, claim: number): string {
  return `r${deadLetterId}.${claim}`
}

/** Reads the id of a delivery of a store; undefined if it is none. */
export function parseDeliveryId(id: string, store: string): DeliveryName | undefined {
  if (id.startsWith('r')) return parseReplay(id)
  const [, handing, rest = id] = id.startsWith('t') ? (turnPattern.exec(id) ?? []) : []
  const [, revisionText, indexText, lateAtMs = Infinity, ackSubject = ''] = streamPattern.exec(rest) ?? []
  const message = parseAckSubject(ackSubject)
  if (message === undefined || message.stream !== eventStreamName(store)) return undefined
  const { consumer, sequence, delivered, answer } = message
  const subscriptionId = consumer.slice(0, Math.max(0, consumer.indexOf('-')))
  const [revision, index] = [Number(revisionText), Number(indexText)]
  if (handing !== undefined) {
    const turn = { handing: Number(handing), answer: `turn ${handing}` }
    return { kind: 'turn', revision, index, subscriptionId, consumer, sequence, ...turn }
  }
  return {
    kind: 'stream',
    revision,
    index,
    subscriptionId,
    consumer,
    sequence,
    ackSubject,
    delivered,
    lateAtMs: Number(lateAtMs),
    answer,
  }
}

function parseReplay(id: string): ReplayDelivery | undefined {
  const [, deadLetterId, claim] = replayPattern.exec(id) ?? []
  if (deadLetterId === undefined || claim === undefined) return undefined
  return { kind: 'replay', deadLetterId: Number(deadLetterId), claim: Number(claim) }
}

export interface AckSubject {
  readonly stream: string
  readonly consumer: string
  readonly delivered: number
  readonly sequence: number
  /** Tells this delivery from all others of the message, and of the same event by another consumer. */
  readonly answer: string
}

const ackPrefix = '$JS.ACK.'
/** Dots after the prefix; servers with domains put a domain and the hash of an account before the stream, and a word at the end. */
const ackDots = 6

/** What the subject says where JetStream waits for the answer to a message; undefined if it is another subject. */
export function parseAckSubject(subject: string): AckSubject | undefined {
  if (!subject.startsWith(ackPrefix)) return undefined
  const dots = dotsOf(subject)
  if (dots.length !== ackDots && dots.length < ackDots + 2) return undefined
  // Not `split`: it makes strings of all parts, and every event comes and goes by such a subject.
  const first = dots.length === ackDots ? 0 : 2
  const part = (number: number): string =>
    subject.slice((dots[first + number - 1] ?? ackPrefix.length - 1) + 1, dots[first + number])
  const [stream, consumer, delivered, sequence] = [part(0), part(1), Number(part(2)), Number(part(3))]
  if (!Number.isSafeInteger(delivered) || !Number.isSafeInteger(sequence)) return undefined
  return { stream, consumer, delivered, sequence, answer: `${consumer}.${sequence}.${delivered}` }
}

/** Where the dots after the prefix are. */
function dotsOf(subject: string): number[] {
  const dots: number[] = []
  for (let at = subject.indexOf('.', ackPrefix.length); at !== -1; at = subject.indexOf('.', at + 1)) dots.push(at)
  return dots
}
