import { describe, expect, it } from 'vitest'
import { CommitClock } from './commit-clock.ts'

describe('the commit clock', () => {
  it('says the time of PostgreSQL', () => {
    const clock = new CommitClock()
    const now = performance.now()
    clock.observe(5_000_000_000_000, now - 1, now + 1)
    expect(clock.now()).toBeGreaterThanOrEqual(5_000_000_000_000)
    expect(clock.now()).toBeLessThan(5_000_000_000_000 + 1_000_000)
  })

  it('never goes back, neither behind itself nor behind the newest commit', () => {
    const clock = new CommitClock()
    const now = performance.now()
    clock.observe(5_000_000_000_000, now, now)
    const before = clock.now()
    clock.observe(4_000_000_000_000, now, now)
    expect(clock.now()).toBeGreaterThanOrEqual(before)
    clock.startFrom(6_000_000_000_000)
    expect(clock.now()).toBeGreaterThanOrEqual(6_000_000_000_000)
  })
})
