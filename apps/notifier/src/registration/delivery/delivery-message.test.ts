import { create, fromBinary, fromJsonString } from '@bufbuild/protobuf'
import {
  BodyFormat,
  DeliverySchema,
  NotificationSchema,
  RevisionNotificationsSchema,
  type Delivery,
} from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { bodiesOf, deliveryOf, type MessageBody } from './delivery-message.ts'

const origin = { token: 'token', logId: 'log', epoch: 3 }

function revisionOf(sizes: readonly number[], more = false): Delivery {
  const notifications = sizes.map((size, index) => {
    const value = { kind: { case: 'binaryFile' as const, value: { mediaType: '', content: new Uint8Array(size) } } }
    return create(NotificationSchema, {
      subscriptions: [index],
      current: { entityId: `e${index}`, name: 'File', value },
    })
  })
  const value = create(RevisionNotificationsSchema, { revision: 7n, notifications, more })
  const event = { case: 'notifications' as const, value }
  return deliveryOf({ previousRevision: 5, revision: 7, part: 2, isLastPart: !more, event }, origin)
}

function read({ contentType, body }: MessageBody): Delivery {
  return contentType === 'application/json'
    ? fromJsonString(DeliverySchema, Buffer.from(body).toString())
    : fromBinary(DeliverySchema, body)
}

describe('a message', () => {
  it('carries its id, its range and where it is from', () => {
    expect(revisionOf([1])).toMatchObject({
      id: 'token.7.notifications.2',
      previousRevision: 5n,
      revision: 7n,
      logId: 'log',
      epoch: 3n,
      part: 2,
    })
  })

  it.each([BodyFormat.PROTO, BodyFormat.UNSPECIFIED])('reads back as it was (format %d)', (format) => {
    const delivery = revisionOf([10, 20])
    const [body] = bodiesOf(delivery, { format, mostBytes: 1_000_000 })
    expect(body && read(body)).toEqual(delivery)
    expect(body?.id).toBe(delivery.id)
  })

  it('that JSON makes too large comes in several parts, numbered on, with more to come but for the last', () => {
    const bodies = bodiesOf(revisionOf([400, 400, 400, 400, 400]), { format: BodyFormat.UNSPECIFIED, mostBytes: 1_500 })
    const parts = bodies.map(read)
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => 2 + index))
    expect(new Set(bodies.map(({ id }) => id)).size).toBe(bodies.length)
    expect(parts.map(({ id }) => id)).toEqual(bodies.map(({ id }) => id))
    const values = parts.map(({ event }) => (event.case === 'notifications' ? event.value : undefined))
    expect(values.map((value) => value?.more)).toEqual(values.map((_, index) => index < values.length - 1))
    expect(values.flatMap((value) => value?.notifications.map(({ subscriptions }) => subscriptions[0]))).toEqual([
      0, 1, 2, 3, 4,
    ])
    expect(Math.max(...bodies.map(({ body }) => body.length))).toBeLessThanOrEqual(1_500)
  })

  it('that cannot be made smaller comes as protobuf, which is smaller', () => {
    const [body, ...others] = bodiesOf(revisionOf([1_200]), { format: BodyFormat.UNSPECIFIED, mostBytes: 1_500 })
    expect([body?.contentType, others]).toEqual(['application/proto', []])
  })

  it('that has to stay whole is not taken apart', () => {
    const options = { format: BodyFormat.UNSPECIFIED, mostBytes: 1_500, isWhole: true }
    expect(bodiesOf(revisionOf([600, 600]), options)).toHaveLength(1)
  })
})
