import { describe, expect, it, vi } from 'vitest'
import { LimitedSignal } from './limited-signal.ts'

describe('a limited signal', () => {
  it('is aborted when its time is over, also if that is no whole number', async () => {
    using limited = new LimitedSignal(new AbortController().signal, 1.5)
    expect(limited.signal.aborted).toBe(false)
    await vi.waitFor(() => expect(limited.signal.aborted).toBe(true), 10_000)
    expect(limited.isTimeUp).toBe(true)
  })

  it('is aborted with the outer one, before or after, and its time is not up', () => {
    const outer = new AbortController()
    using before = new LimitedSignal(outer.signal, 60_000)
    outer.abort(new Error('stopped'))
    using after = new LimitedSignal(outer.signal, 60_000)
    for (const limited of [before, after]) {
      expect([limited.signal.reason, limited.isTimeUp]).toEqual([outer.signal.reason, false])
    }
  })
})
