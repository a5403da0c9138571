import { create, toBinary, toJsonString } from '@bufbuild/protobuf'
import { BodyFormat, DeliverySchema, type Delivery, type RegistrationEnd } from '@qcore/contracts'
import type { DeliveryStep } from './delivery-step.ts'

/** The registration that messages are of. */
export interface MessageOrigin {
  readonly token: string
  readonly logId: string
  readonly epoch: number
}

/** A message as it is sent. */
export interface MessageBody {
  readonly id: string
  readonly contentType: string
  readonly body: Uint8Array
}

/** The message of a step. */
export function deliveryOf(step: DeliveryStep, origin: MessageOrigin): Delivery {
  const { previousRevision, revision, part, event } = step
  return create(DeliverySchema, {
    id: `${origin.token}.${rangeOf(step)}.${event.case}.${part}`,
    revision: BigInt(revision),
    previousRevision: BigInt(previousRevision),
    logId: origin.logId,
    part,
    epoch: BigInt(origin.epoch),
    event,
  })
}

/** A revision by itself is always the same message; what was folded, or left out, depends on when it was sent. */
function rangeOf({ previousRevision, revision, event }: DeliveryStep): string {
  return event.case === 'notifications' ? `${revision}` : `${previousRevision}-${revision}`
}

/** The last message. */
export function endDelivery(end: RegistrationEnd, origin: MessageOrigin): Delivery {
  return create(DeliverySchema, {
    id: `${origin.token}.ended`,
    revision: end.deliveredRevision,
    previousRevision: end.deliveredRevision,
    logId: origin.logId,
    epoch: BigInt(origin.epoch),
    event: { case: 'ended', value: end },
  })
}

/**
 * The bodies of a step: one, or several if one would be larger than NATS carries. JSON can be much larger than protobuf; what
 * is too large for it alone is sent as protobuf.
 *
 * @param options `isWhole`: there may be one body only
 */
export function bodiesOf(
  delivery: Delivery,
  options: { format: BodyFormat; mostBytes: number; isWhole?: boolean },
): MessageBody[] {
  const { format, mostBytes, isWhole = false } = options
  if (format === BodyFormat.PROTO) return [protoBody(delivery)]
  const body = Buffer.from(toJsonString(DeliverySchema, delivery))
  if (body.length <= mostBytes) return [{ id: delivery.id, contentType: 'application/json', body }]
  const { event } = delivery
  if (isWhole || (event.case !== 'notifications' && event.case !== 'folded')) return [protoBody(delivery)]
  const count = event.value.notifications.length
  if (count < 2) return [protoBody(delivery)]
  const middle = count >> 1
  const first = { ...delivery, event: partOf(event, { from: 0, to: middle, more: true }) }
  const bodies = bodiesOf(first, options)
  const rest = renumbered(
    { ...delivery, event: partOf(event, { from: middle, to: count, more: event.value.more }) },
    delivery.part + bodies.length,
  )
  return [...bodies, ...bodiesOf(rest, options)]
}

function protoBody(delivery: Delivery): MessageBody {
  return { id: delivery.id, contentType: 'application/proto', body: toBinary(DeliverySchema, delivery) }
}

function renumbered(delivery: Delivery, part: number): Delivery {
  return { ...delivery, part, id: `${delivery.id.slice(0, delivery.id.lastIndexOf('.'))}.${part}` }
}

type Splittable = Extract<Delivery['event'], { case: 'notifications' | 'folded' }>

function partOf(event: Splittable, { from, to, more }: { from: number; to: number; more: boolean }): Splittable {
  return event.case === 'notifications'
    ? {
        case: 'notifications',
        value: { ...event.value, notifications: event.value.notifications.slice(from, to), more },
      }
    : { case: 'folded', value: { ...event.value, notifications: event.value.notifications.slice(from, to), more } }
}
