import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { between, catchUp, countBetween, dueAt, nextAfter, parseRule, type CatchUpPolicy } from '@qcore/recurrence'
import { ms, short } from './_moments.ts'

const hourly = parseRule('0 * * * *')
const base = {
  rule: hourly,
  lastPlannedMs: ms('2026-01-01T00:00Z'),
  nowMs: ms('2026-01-01T05:10Z'),
  graceMs: 0,
  limit: 100,
}

function outcome(change: Partial<Parameters<typeof catchUp>[0]> & { policy: CatchUpPolicy }): {
  fire: string[]
  missed: string[]
  next: string
} {
  const result = catchUp({ ...base, ...change })
  return {
    fire: result.fire.map(({ atMs, as }) => `${short(atMs).slice(11, 16)} ${as}`),
    missed: result.missed.map(({ count, reason }) => `${count} ${reason}`),
    next: short(result.nextMs).slice(11, 16),
  }
}

describe('catching up', () => {
  it('fires nothing of what was missed under skip', () => {
    expect(outcome({ policy: 'skip' })).toEqual({ fire: [], missed: ['5 policy'], next: '06:00' })
  })

  it('fires the last one under last', () => {
    expect(outcome({ policy: 'last' })).toEqual({ fire: ['05:00 caught_up'], missed: ['4 policy'], next: '06:00' })
  })

  it('fires all of them in order under all', () => {
    expect(outcome({ policy: 'all' })).toEqual({
      fire: ['01:00 caught_up', '02:00 caught_up', '03:00 caught_up', '04:00 caught_up', '05:00 caught_up'],
      missed: [],
      next: '06:00',
    })
  })

  it('fires the newest ones where there are more than the limit', () => {
    expect(outcome({ policy: 'all', limit: 2 })).toEqual({
      fire: ['04:00 caught_up', '05:00 caught_up'],
      missed: ['3 limit'],
      next: '06:00',
    })
  })

  it('fires what is late by no more than the grace, whatever the policy', () => {
    const graceMs = 70 * 60_000
    expect(outcome({ policy: 'skip', graceMs })).toEqual({
      fire: ['04:00 late', '05:00 late'],
      missed: ['3 policy'],
      next: '06:00',
    })
    expect(outcome({ policy: 'skip', graceMs, limit: 1 })).toEqual({
      fire: ['05:00 late'],
      missed: ['3 policy', '1 limit'],
      next: '06:00',
    })
  })

  it('has caught up under last if one is within the grace', () => {
    expect(outcome({ policy: 'last', graceMs: 15 * 60_000 })).toEqual({
      fire: ['05:00 late'],
      missed: ['4 policy'],
      next: '06:00',
    })
    expect(outcome({ policy: 'last', graceMs: 5 * 60_000 })).toEqual({
      fire: ['05:00 caught_up'],
      missed: ['4 policy'],
      next: '06:00',
    })
  })

  it('counts the moment of now, and not the last planned one', () => {
    const nowMs = ms('2026-01-01T01:00Z')
    expect(outcome({ policy: 'all', nowMs })).toMatchObject({ fire: ['01:00 late'], missed: [] })
    expect(outcome({ policy: 'all', nowMs: nowMs - 1 })).toEqual({ fire: [], missed: [], next: '01:00' })
  })

  it('plans nothing again when the clock was put back', () => {
    expect(outcome({ policy: 'all', nowMs: ms('2025-12-31T12:00Z') })).toEqual({ fire: [], missed: [], next: '01:00' })
  })

  it('counts years of seconds without listing them', () => {
    const rule = parseRule('* * * * * *')
    const started = performance.now()
    const result = catchUp({
      ...base,
      rule,
      policy: 'last',
      lastPlannedMs: ms('2016-01-01T00:00Z'),
      nowMs: ms('2026-01-01T00:00Z'),
    })
    expect(result.missed).toMatchObject([{ count: 315_619_199, reason: 'policy' }])
    expect(result.fire).toHaveLength(1)
    expect(performance.now() - started).toBeLessThan(2000)
  })

  it('refuses a limit of none', () => {
    expect(() => outcome({ policy: 'all', limit: 0 })).toThrow('limit')
  })

  it('accounts for every occurrence once', () => {
    const rule = parseRule({ cron: '*/17 * * * *', timezone: 'Europe/London', exclude: ['2026-01-02'] })
    const request = fc.record({
      policy: fc.constantFrom<CatchUpPolicy>('skip', 'last', 'all'),
      downMs: fc.integer({ min: 0, max: 4 * 86_400_000 }),
      graceMs: fc.integer({ min: 0, max: 86_400_000 }),
      limit: fc.integer({ min: 1, max: 100 }),
    })
    fc.assert(
      fc.property(request, ({ policy, downMs, graceMs, limit }) => {
        const nowMs = base.lastPlannedMs + downMs
        const { fire, missed, nextMs } = catchUp({
          rule,
          policy,
          graceMs,
          limit,
          nowMs,
          lastPlannedMs: base.lastPlannedMs,
        })
        const due = between(rule, { fromMs: base.lastPlannedMs + 1, beforeMs: nowMs + 1 }, 10_000)
        const accounted = [...missed.flatMap((span) => between(rule, span, 10_000)), ...fire.map(({ atMs }) => atMs)]
        expect(accounted).toEqual(due)
        for (const span of missed) expect(countBetween(rule, span)).toBe(span.count)
        expect(fire.length).toBeLessThanOrEqual(limit)
        expect(nextMs).toBe(nextAfter(rule, nowMs))
      }),
    )
  })
})

describe('jitter', () => {
  const rule = parseRule({ cron: '0 * * * *', jitter: '10m' })
  const moments = between(rule, { fromMs: ms('2026-01-01T00:00Z'), beforeMs: ms('2026-03-01T00:00Z') }, 1000)

  it('puts off by no more than was said, evenly', () => {
    const delays = moments.map((atMs) => dueAt(rule, 'schedule-1', atMs) - atMs)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...delays)).toBeLessThanOrEqual(600_000)
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length
    expect(mean).toBeGreaterThan(280_000)
    expect(mean).toBeLessThan(320_000)
  })

  it('is the same for the same schedule and moment everywhere, and another for others', () => {
    const [first = 0, second = 0] = moments
    expect(dueAt(rule, 'schedule-1', first)).toBe(dueAt(parseRule(rule.spec), 'schedule-1', first))
    expect(dueAt(rule, 'schedule-1', first) - first).toBe(303_216)
    expect(dueAt(rule, 'schedule-2', first)).not.toBe(dueAt(rule, 'schedule-1', first))
    expect(dueAt(rule, 'schedule-1', second) - second).not.toBe(dueAt(rule, 'schedule-1', first) - first)
  })

  it('leaves occurrences of rules without it where they are', () => {
    expect(dueAt(hourly, 'schedule-1', base.nowMs)).toBe(base.nowMs)
  })
})
