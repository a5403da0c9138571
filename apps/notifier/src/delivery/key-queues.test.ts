import { create } from '@bufbuild/protobuf'
import { EventSchema } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { KeyQueues } from './key-queues.ts'
import type { StreamMessage } from './stream-message.ts'

function message(revision: number, orderKey: string, ackSubject = 'first'): StreamMessage {
  const event = create(EventSchema, { orderKey, payload: '{}' })
  return {
    revision,
    index: 0,
    event,
    ackSubject,
    expiresUs: null,
    emittedUs: 0,
    delivered: 1,
    answer: '',
    arrivedAt: 0,
  }
}

it('events wait by key, in their order, however they come', () => {
  const queues = new KeyQueues()
  for (const [revision, key] of [
    [3, 'a'],
    [1, 'a'],
    [2, 'b'],
    [4, 'a'],
  ] as const) {
    queues.add(message(revision, key))
  }
  expect([queues.size, queues.bytes, [...queues.keys].sort()]).toEqual([4, 8, ['a', 'b']])
  expect([queues.head('a')?.revision, queues.head('b')?.revision]).toEqual([1, 2])
  expect(queues.remove('a', { revision: 3, index: 0 })).toBeUndefined()
  for (const revision of [1, 3, 4]) expect(queues.remove('a', { revision, index: 0 })?.revision).toBe(revision)
  expect(queues.remove('a', { revision: 4, index: 0 })).toBeUndefined()
  expect([queues.size, queues.bytes, [...queues.keys]]).toEqual([1, 2, ['b']])
})

it('an event that comes again waits once, and is answered where it came last', () => {
  const queues = new KeyQueues()
  for (const revision of [1, 2]) queues.add(message(revision, 'a'))
  for (const revision of [1, 2]) queues.add(message(revision, 'a', 'second'))
  expect(queues.size).toBe(2)
  expect(queues.remove('a', { revision: 1, index: 0 })?.ackSubject).toBe('second')
  expect(queues.head('a')?.ackSubject).toBe('second')
})
