import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacOf } from './hmac.ts'

test('it is the HMAC of the platform', () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(bytes, { maxLength: 4 }), (key, parts) => {
      const expected = createHmac('sha256', key).update(Buffer.concat(parts)).digest('hex')
      expect(hmacOf(key)(parts).toString('hex')).toBe(expected)
    }),
  )
})

test('a key that would have to be hashed first is refused', () => {
  expect(() => hmacOf(new Uint8Array(65))).toThrow(RangeError)
})
