import { create } from '@bufbuild/protobuf'
import { DeliverySchema, type Delivery } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { RangeCursor } from './range-cursor.ts'

function delivery(previous: number, revision: number, { part = 0, more = false } = {}): Delivery {
  return create(DeliverySchema, {
    previousRevision: BigInt(previous),
    revision: BigInt(revision),
    part,
    event: { case: 'notifications', value: { revision: BigInt(revision), more } },
  })
}

describe('a cursor', () => {
  it('takes what follows, also what overlaps with what it has', () => {
    const cursor = new RangeCursor(5)
    expect(cursor.judge(delivery(5, 7)).kind).toBe('complete')
    cursor.advance(7)
    expect(cursor.judge(delivery(3, 9)).kind).toBe('complete')
  })

  it('knows what it has, and what is missing before a delivery', () => {
    const cursor = new RangeCursor(5)
    expect(cursor.judge(delivery(2, 5)).kind).toBe('repeat')
    expect(cursor.judge(delivery(6, 7)).kind).toBe('gap')
    expect(cursor.revision).toBe(5)
  })

  it('holds the parts of a revision until the last one is there', () => {
    const cursor = new RangeCursor(5)
    expect(cursor.judge(delivery(5, 6, { more: true })).kind).toBe('part')
    expect(cursor.judge(delivery(5, 6, { part: 1, more: true })).kind).toBe('part')
    const judged = cursor.judge(delivery(5, 6, { part: 2 }))
    expect(judged.kind === 'complete' && judged.parts.map(({ part }) => part)).toEqual([0, 1, 2])
  })

  it('sees that a part is missing', () => {
    const cursor = new RangeCursor(5)
    expect(cursor.judge(delivery(5, 6, { more: true })).kind).toBe('part')
    expect(cursor.judge(delivery(5, 6, { part: 2 })).kind).toBe('gap')
    expect(cursor.judge(delivery(5, 6, { part: 1 })).kind).toBe('gap')
  })

  it('begins a revision anew when its first part comes again', () => {
    const cursor = new RangeCursor(5)
    cursor.judge(delivery(5, 6, { more: true }))
    expect(cursor.judge(delivery(5, 6, { more: true })).kind).toBe('part')
    const judged = cursor.judge(delivery(5, 6, { part: 1 }))
    expect(judged.kind === 'complete' && judged.parts).toHaveLength(2)
  })
})
