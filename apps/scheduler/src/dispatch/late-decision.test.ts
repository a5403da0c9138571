import { catchUp, parseRule, type CatchUpPolicy } from '@qcore/recurrence'
import { expect, it } from 'vitest'
import { occurrenceCause } from '../occurrence-state.ts'
import { readSettingsOf } from '../schedule-settings.ts'
import { decideLate } from './late-decision.ts'

const defaults = readSettingsOf(Buffer.alloc(0))
const minuteMs = 60_000

it('fires what is on time, and what is late within the grace, under every policy', () => {
  for (const policy of ['skip', 'last', 'all'] as const) {
    const settings = { ...defaults, catchUp: policy, graceMs: 10_000 }
    const at = (lateMs: number): ReturnType<typeof decideLate> =>
      decideLate(() => parseRule('* * * * *'), { nominalUs: 0, dueUs: 0, nowUs: lateMs * 1_000 }, settings)
    expect(at(0)).toEqual({ fires: true, cause: occurrenceCause.scheduled })
    expect(at(1_000)).toEqual({ fires: true, cause: occurrenceCause.scheduled })
    expect(at(1_001)).toEqual({ fires: true, cause: occurrenceCause.late })
    expect(at(10_000)).toEqual({ fires: true, cause: occurrenceCause.late })
  }
})

it('decides of each occurrence alone as catching up does of all together', () => {
  const rule = parseRule('* * * * *')
  for (const policy of ['skip', 'last', 'all'] satisfies CatchUpPolicy[]) {
    for (const graceMs of [0, 90_000]) {
      for (const limit of [1, 3, 100]) {
        const nowMs = 10 * minuteMs + 30_000
        const settings = { ...defaults, catchUp: policy, catchUpLimit: limit, graceMs }
        const together = catchUp({ rule, lastPlannedMs: 0, nowMs, policy, graceMs, limit })
        const fired = []
        for (let atMs = minuteMs; atMs <= nowMs; atMs += minuteMs) {
          const times = { nominalUs: atMs * 1_000, dueUs: atMs * 1_000, nowUs: nowMs * 1_000 }
          if (decideLate(() => rule, times, settings).fires) fired.push(atMs)
        }
        // Within the grace the limit does not count, since those fire under every policy.
        const expected = together.fire.map(({ atMs }) => atMs)
        if (graceMs === 0 || limit > 1) expect(fired, `${policy} ${graceMs} ${limit}`).toEqual(expected)
      }
    }
  }
})
