import { describe, expect, it } from 'vitest'
import { leadershipTiming } from './leadership-timing.ts'

describe('the timing of leadership', () => {
  it('follows from the lease', () => {
    expect(leadershipTiming()).toMatchObject({ leaseMs: 15_000, renewMs: 5_000, marginMs: 3_000, announceMs: 7_500 })
    expect(leadershipTiming({ leaseMs: 1_500 })).toMatchObject({ renewMs: 500, marginMs: 300, attemptMs: 300 })
  })

  it.each([
    ['leaseMs', { leaseMs: 0 }],
    ['checkMs', { checkMs: Number.NaN }],
    ['renewMs', { renewMs: 8_000 }],
    ['marginMs', { marginMs: 10_000 }],
    ['announceMs', { announceMs: 15_000 }],
  ])('is refused where its %s contradicts the lease', (field, given) => {
    expect(() => leadershipTiming(given)).toThrow(expect.objectContaining({ code: 'configuration', field }))
  })
})
