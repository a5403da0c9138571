import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { TargetPace } from './target-pace.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

it('gives out turns at equal distances, and none that are too far away', () => {
  const pace = new TargetPace(2)
  expect([pace.take(), pace.take(), pace.take()]).toEqual([{ waitMs: 0 }, { waitMs: 500 }, { waitMs: 1_000 }])
  for (let early = 1; early < 100; early++) {
    const turn = pace.take()
    if (!('comeBackMs' in turn)) throw new Error('it was let in')
    expect(turn.comeBackMs).toBeGreaterThanOrEqual(1_000)
    expect(turn.comeBackMs).toBeLessThanOrEqual(Math.min(1_000 + early * 500, 60_000))
  }
  vi.advanceTimersByTime(1_200)
  expect(pace.take()).toEqual({ waitMs: 300 })
})

it('does not make up for a time in which nobody came', () => {
  const pace = new TargetPace(10)
  pace.take()
  expect(pace.isIdle).toBe(false)
  vi.advanceTimersByTime(5_000)
  expect(pace.isIdle).toBe(true)
  expect([pace.take(), pace.take()]).toEqual([{ waitMs: 0 }, { waitMs: 100 }])
})
