import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { DeliverySchema, WatchResponseSchema } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { Cursor, eventIdOf, positionOf } from './cursor.ts'

const step = (event: MessageInitShape<typeof WatchResponseSchema>['event'] & object) =>
  create(WatchResponseSchema, { event })
const live = step({ case: 'live', value: { revision: 5n, logId: 'log' } })
const part = step({ case: 'notifications', value: { revision: 5n, more: true } })
const whole = step({ case: 'notifications', value: { revision: 5n } })

describe('a cursor', () => {
  it('moves with whole revisions', () => {
    const cursor = new Cursor()
    expect(cursor.position).toBeUndefined()
    expect(cursor.note(live)).toEqual({ revision: 5n, logId: 'log' })
    expect(cursor.note(step({ case: 'notifications', value: { revision: 7n, more: true } }))).toBeUndefined()
    expect(cursor.position?.revision).toBe(5n)
    expect(cursor.note(step({ case: 'notifications', value: { revision: 7n } }))?.revision).toBe(7n)
    expect(cursor.note(step({ case: 'progress', value: { revision: 9n } }))?.revision).toBe(9n)
  })

  it('moves with the last revision of what was folded', () => {
    const cursor = new Cursor()
    const folded = (more: boolean) =>
      create(DeliverySchema, { event: { case: 'folded', value: { firstRevision: 3n, lastRevision: 8n, more } } })
    expect(cursor.note(folded(true))).toBeUndefined()
    expect(cursor.note(folded(false))?.revision).toBe(8n)
  })

  it('is nowhere until the result that comes first is whole', () => {
    const cursor = new Cursor(true)
    expect(cursor.note(live)).toBeUndefined()
    expect(cursor.note(part)).toBeUndefined()
    expect(cursor.position).toBeUndefined()
    expect(cursor.note(whole)).toEqual({ revision: 5n, logId: 'log' })
  })
})

it('the id of an event is a position', () => {
  const position = { revision: 9_007_199_254_740_993n, logId: '0b4f2c1e-5d5c-4b53-8b9e-3b8c7a' }
  expect(positionOf(eventIdOf(position))).toEqual(position)
  for (const wrong of ['', '5', 'log:', 'log:-1', ':5', 'log:5:6', 'lo g:5']) {
    expect(() => positionOf(wrong)).toThrow('Last-Event-ID')
  }
})
