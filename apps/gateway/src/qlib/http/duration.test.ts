import { describe, expect, it } from 'vitest'
import { parseDuration } from './duration.ts'

describe('a duration as Go writes it', () => {
  it.each([
    ['5s', 5_000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['2us', 0.002],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text, 'x')).toBeCloseTo(ms, 6)
  })

  it.each(['', '5', 's', '-1s', '1 s', '1d', '5s!'])('%j is none', (text) => {
    expect(() => parseDuration(text, 'clientTimeout')).toThrowError(
      expect.objectContaining({ code: 'invalid_request', field: 'clientTimeout' }),
    )
  })
})
