import { create } from '@bufbuild/protobuf'
import { EmitEventSchema, type EmitEvent } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { EventMembers } from './event-members.ts'
import { deliveryOf, expiryOf } from './event-times.ts'

/**
 * An event as the seed's clients post it: `{ eventType, payload }`, and what else can be said of one.
 *
 * @throws QError `invalid_request`, whose field is the member
 */
export function seedEvent(json: unknown, namespace: string): EmitEvent {
  const members = new EventMembers(json, '')
  const event = create(EmitEventSchema, {
    type: members.requiredText('eventType'),
    namespace: members.text('namespace') || namespace,
    payload: members.json('payload'),
    producer: members.text('producerNodeId'),
    correlationId: members.text('correlationId'),
    orderKey: members.text('orderKey'),
    dedupeKey: members.text('dedupeKey'),
    dedupeWindowMs: members.count('dedupeWindowMs') ?? 0n,
    delivery: deliveryOf(members, { time: 'deliverAt', span: 'delayMs' }),
    expiry: expiryOf(members, { time: 'expireAt', span: 'lifetimeMs' }),
  })
  for (const name of members.rest()) {
    throw new QError('invalid_request', `an event has no ${name}`, { field: members.field(name) })
  }
  return event
}
