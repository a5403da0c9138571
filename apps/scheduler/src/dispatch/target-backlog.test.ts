import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { TargetBacklog } from './target-backlog.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

/** Lets so many leave, so far from each other. */
function leave(backlog: TargetBacklog, times: number, gapMs: number): void {
  for (let left = 0; left < times; left++) {
    backlog.left()
    vi.advanceTimersByTime(gapMs)
  }
}

it('has those who were turned back come one after the other, as fast as others leave', () => {
  const backlog = new TargetBacklog()
  leave(backlog, 300, 20)
  const times = Array.from({ length: 100 }, () => backlog.comeBackMs(100))
  expect(times[0]).toBe(100)
  for (const [index, ms] of times.entries()) {
    if (index === 0) continue
    expect(ms - (times[index - 1] ?? 0)).toBeGreaterThan(19)
    expect(ms - (times[index - 1] ?? 0)).toBeLessThan(21)
  }
  vi.advanceTimersByTime(60_000)
  expect(backlog.comeBackMs(100)).toBe(100)
})

it('foresees how many leave, once it has seen some', () => {
  const backlog = new TargetBacklog()
  expect(backlog.leavingWithin(1_000)).toBe(0)
  leave(backlog, 300, 10)
  expect(backlog.leavingWithin(1_000)).toBeGreaterThan(95)
  expect(backlog.leavingWithin(1_000)).toBeLessThan(105)
})

it('sends nobody away for long, however slow a target is, and not before the time that is given', () => {
  const backlog = new TargetBacklog()
  leave(backlog, 300, 5_000)
  const times = Array.from({ length: 1_000 }, () => backlog.comeBackMs(100))
  expect(Math.max(...times)).toBeLessThanOrEqual(10_000)
  expect(backlog.comeBackMs(30_000)).toBeGreaterThanOrEqual(30_000)
})
