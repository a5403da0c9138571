import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { microsFromTimestamp, timestampFromMicros } from './timestamp.ts'

describe('timestampFromMicros', () => {
  it('is exact before and after 1970, from a bigint and from a number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }), (micros) => {
        expect(microsFromTimestamp(timestampFromMicros(micros), 'time')).toBe(micros)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: -4_000_000_000_000_000, max: Number.MAX_SAFE_INTEGER }), (micros) => {
        expect(microsFromTimestamp(timestampFromMicros(micros), 'time')).toBe(BigInt(micros))
      }),
    )
  })
})
