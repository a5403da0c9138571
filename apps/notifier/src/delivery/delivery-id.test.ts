import { describe, expect, it } from 'vitest'
import { deliveryId, parseAckSubject, parseDeliveryId, replayDeliveryId } from './delivery-id.ts'

const subject = '$JS.ACK.Q_main_EVENTS.abc-77.2.17.9.1700000000.5'

describe('the id of a delivery', () => {
  it('tells whom it belongs to, and where its answer goes', () => {
    expect(parseDeliveryId(deliveryId({ revision: 4, index: 1 }, 1_700_000_000_000.5, subject), 'main')).toEqual({
      kind: 'stream',
      revision: 4,
      index: 1,
      subscriptionId: 'abc',
      consumer: 'abc-77',
      ackSubject: subject,
      sequence: 17,
      delivered: 2,
      lateAtMs: 1_700_000_000_000,
      answer: 'abc-77.17.2',
    })
    expect(parseDeliveryId(replayDeliveryId(12, 3), 'main')).toEqual({
      kind: 'replay',
      deadLetterId: 12,
      claim: 3,
    })
  })

  it.each([
    '',
    '4.1',
    `4.1:q.main.log`,
    `4.1:$JS.API.STREAM.DELETE.Q_main_EVENTS`,
    `4.1:${subject} x`,
    `4.1:${subject.replace('main', 'other')}`,
    'r1',
  ])('is none: %s', (id) => {
    expect(parseDeliveryId(id, 'main')).toBeUndefined()
  })
})

it('the subject of an answer is read with and without a domain', () => {
  const expected = { stream: 'Q_main_EVENTS', consumer: 'abc-77', delivered: 2, sequence: 17, answer: 'abc-77.17.2' }
  expect(parseAckSubject(subject)).toEqual(expected)
  expect(parseAckSubject('$JS.ACK._.hash.Q_main_EVENTS.abc-77.2.17.9.1700000000.5.rnd')).toEqual(expected)
})
