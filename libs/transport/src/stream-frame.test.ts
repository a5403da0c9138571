import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeFrame, encodeFrame } from './stream-frame.ts'

it('takes apart what it put together', () => {
  const payload = fc.uint8Array({ maxLength: 300 })
  fc.assert(
    fc.property(fc.array(payload), fc.option(payload, { nil: undefined }), (payloads, endOfStream) => {
      const frame = decodeFrame(encodeFrame(payloads, endOfStream))
      expect(frame.payloads.map((bytes) => [...bytes])).toEqual(payloads.map((bytes) => [...bytes]))
      expect(frame.endOfStream === undefined ? undefined : [...frame.endOfStream]).toEqual(
        endOfStream === undefined ? undefined : [...endOfStream],
      )
    }),
  )
})

it('is written as Connect writes envelopes', () => {
  const frame = encodeFrame([new Uint8Array([7, 8])], new Uint8Array([9]))
  expect([...frame]).toEqual([0, 0, 0, 0, 2, 7, 8, 2, 0, 0, 0, 1, 9])
})

it.each([
  ['is cut off in a payload', [0, 0, 0, 0, 2, 7]],
  ['is cut off in a header', [0, 0, 0, 0, 1, 7, 0, 0]],
  ['has flags that are unknown', [1, 0, 0, 0, 1, 7]],
])('refuses a frame that %s', (_name, bytes) => {
  expect(() => decodeFrame(new Uint8Array(bytes))).toThrow('stream broken')
})
