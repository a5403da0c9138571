import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Timestamp } from './timestamp.ts'

describe('a timestamp', () => {
  it('is written with six decimals, and read back', () => {
    expect(String(new Timestamp(1_700_000_000_123_456n))).toBe('2023-11-14T22:13:20.123456Z')
    expect(String(new Timestamp(-1n))).toBe('1969-12-31T23:59:59.999999Z')
    const inRange = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n })
    fc.assert(
      fc.property(inRange, (micros) => {
        expect(Timestamp.parse(String(new Timestamp(micros))).micros).toBe(micros)
      }),
    )
  })

  it('is read with another zone, and with fewer decimals', () => {
    expect(Timestamp.parse('1970-01-01T01:00:00.5+01:00').micros).toBe(500_000n)
    expect(Timestamp.parse('1970-01-01T00:00:00Z').micros).toBe(0n)
  })

  it.each(['', 'yesterday', '2026-11-21', '2026-13-01T00:00:00Z', '1970-01-01T00:00:00.1234567Z'])(
    'is not read from %o',
    (text) => {
      expect(() => Timestamp.parse(text)).toThrow(expect.objectContaining({ code: 'value_out_of_range' }))
    },
  )

  it('lies in the years 0001 to 9999', () => {
    for (const micros of [-62_135_596_800_000_001n, 253_402_300_800_000_000n]) {
      expect(() => new Timestamp(micros)).toThrow(expect.objectContaining({ code: 'value_out_of_range' }))
    }
    expect(() => Timestamp.fromDate(new Date(Number.NaN))).toThrow(
      expect.objectContaining({ code: 'value_out_of_range' }),
    )
  })

  it('becomes a Date, cut to the millisecond before it', () => {
    expect(new Timestamp(1_999n).toDate().getTime()).toBe(1)
    expect(new Timestamp(-1n).toDate().getTime()).toBe(-1)
  })

  it('compares and goes into JSON', () => {
    expect(new Timestamp(1n) < new Timestamp(2n)).toBe(true)
    expect(JSON.stringify({ at: new Timestamp(0n) })).toBe('{"at":"1970-01-01T00:00:00.000000Z"}')
  })
})
