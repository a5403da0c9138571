import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { EmitEventSchema } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { expect, it } from 'vitest'
import { eventTimes } from './event-times.ts'

const nowUs = 1_800_000_000_000_000
const dayUs = 86_400_000_000

type Init = MessageInitShape<typeof EmitEventSchema>

const times = (init: Init): ReturnType<typeof eventTimes> => eventTimes(create(EmitEventSchema, init), nowUs, 'event')
const at = (us: number) => ({ delivery: { case: 'deliverTime' as const, value: timestampFromMicros(us) } })
const until = (us: number) => ({ expiry: { case: 'expireTime' as const, value: timestampFromMicros(us) } })

it.each<[string, Init, ReturnType<typeof eventTimes>]>([
  ['without times', {}, { dueUs: undefined, expiresUs: null }],
  ['at a time that is past', at(nowUs - 1), { dueUs: undefined, expiresUs: null }],
  ['at a time to come', at(nowUs + 1), { dueUs: nowUs + 1, expiresUs: null }],
  ['after no delay', { delivery: { case: 'delayMs', value: 0n } }, { dueUs: undefined, expiresUs: null }],
  ['after a delay', { delivery: { case: 'delayMs', value: 5n } }, { dueUs: nowUs + 5_000, expiresUs: null }],
  ['that expires', until(nowUs + 1), { dueUs: undefined, expiresUs: nowUs + 1 }],
  ['with a lifetime', { expiry: { case: 'lifetimeMs', value: 2n } }, { dueUs: undefined, expiresUs: nowUs + 2_000 }],
  [
    'with a lifetime after a delay',
    { delivery: { case: 'delayMs', value: 5n }, expiry: { case: 'lifetimeMs', value: 2n } },
    { dueUs: nowUs + 5_000, expiresUs: nowUs + 7_000 },
  ],
])('an event %s', (_, init, expected) => {
  expect(times(init)).toEqual(expected)
})

it.each<[string, Init, string, string]>([
  ['that has expired', until(nowUs), 'invalid_request', 'event.expire_time'],
  ['that expires while it is held', { ...at(nowUs + 5), ...until(nowUs + 5) }, 'invalid_request', 'event.expire_time'],
  ['that is held too long', at(nowUs + 366 * dayUs + 1), 'value_out_of_range', 'event.deliver_time'],
])('an event %s is refused', (_, init, code, field) => {
  expect(() => times(init)).toThrowError(expect.objectContaining({ code, field }))
})
