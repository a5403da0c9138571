import { expect, it } from 'vitest'
import { fingerprintOf, keptError } from './dead-letter-fingerprint.ts'

const of = (error: string, type = 'order.placed'): string => fingerprintOf('default', type, 1, error)

it('errors that differ in numbers, ids and stacks have one fingerprint', () => {
  const first = of('Error: order 17 of 6f1c2f5e-7c6b-4d2e-9d53-0a6d0a9f7d11 failed\n  at a.ts:1:2')
  expect(of('Error: order 18 of 11111111-7c6b-4d2e-9d53-0a6d0a9f7d22 failed\n  at b.ts:7:9')).toBe(first)
  expect(of('Error: order 18 of deadbeef01 failed')).toBe(first)
  expect(of('Error: customer 17 failed')).not.toBe(first)
  expect(of('Error: order 17 of 6f1c2f5e-7c6b-4d2e-9d53-0a6d0a9f7d11 failed', 'order.paid')).not.toBe(first)
})

it('an error is kept without NUL characters, and cut between characters', () => {
  expect(keptError('a\0b')).toBe('ab')
  const long = keptError('ä'.repeat(5_000))
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(8_192)
  expect(long).toMatch(/^ä+$/)
})
