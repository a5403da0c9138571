import { describe, expect, it } from 'vitest'
import { RateLimiter } from './rate-limiter.ts'

function openLimiter(perSecond: number): { limiter: RateLimiter; pass: (ms: number) => void } {
  let nowMs = 0
  return {
    limiter: new RateLimiter(perSecond, () => nowMs),
    pass: (ms) => {
      nowMs += ms
    },
  }
}

describe('a rate limiter', () => {
  it('lets a burst of one second through, then as many as the rate', () => {
    const { limiter, pass } = openLimiter(10)
    const burst = Array.from({ length: 11 }, () => limiter.take('a').allowed)
    expect(burst).toEqual([...Array.from({ length: 10 }, () => true), false])
    pass(99)
    expect(limiter.take('a').allowed).toBe(false)
    pass(2)
    expect(limiter.take('a').allowed).toBe(true)
    expect(limiter.take('a').allowed).toBe(false)
  })

  it('saves no more than the burst', () => {
    const { limiter, pass } = openLimiter(3)
    limiter.take('a')
    pass(60_000)
    expect(Array.from({ length: 4 }, () => limiter.take('a').allowed)).toEqual([true, true, true, false])
  })

  it('counts each key by itself', () => {
    const { limiter } = openLimiter(1)
    expect(limiter.take('a').allowed).toBe(true)
    expect(limiter.take('b').allowed).toBe(true)
    expect(limiter.take('a').allowed).toBe(false)
  })

  it('tells what is left, and the whole seconds to wait', () => {
    const { limiter } = openLimiter(2)
    expect(limiter.take('a')).toEqual({ allowed: true, remaining: 1, retryAfterSeconds: 0 })
    limiter.take('a')
    expect(limiter.take('a')).toEqual({ allowed: false, remaining: 0, retryAfterSeconds: 1 })
  })

  it('remembers a busy key over the generations, and forgets idle ones', () => {
    const { limiter, pass } = openLimiter(1_000)
    for (let second = 0; second < 12; second += 1) {
      for (let call = 0; call < 1_000; call += 1) limiter.take('busy')
      expect(limiter.take('busy').allowed).toBe(false)
      limiter.take(`once-${second}`)
      pass(500)
      for (let call = 0; call < 500; call += 1) expect(limiter.take('busy').allowed).toBe(true)
      expect(limiter.take('busy').allowed).toBe(false)
      pass(1_000)
    }
    pass(20_000)
    limiter.take('busy')
    expect(limiter.size).toBe(1)
  })

  it('holds a bounded number of keys however many come', () => {
    const { limiter } = openLimiter(1)
    for (let key = 0; key < 450_000; key += 1) limiter.take(`${key}`)
    expect(limiter.size).toBeLessThanOrEqual(200_000)
  })
})
