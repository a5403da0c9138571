import { describe, expect, it } from 'vitest'
import {
  between,
  countBetween,
  isOccurrence,
  nextAfter,
  occurrences,
  parseRule,
  previousBefore,
} from '@qcore/recurrence'
import { ms, short } from './_moments.ts'

const now = ms('2026-01-01T00:00:30Z')

/** How long a question may take. A walk from an ancient start takes minutes. */
const quickMs = 1000

function timed<T>(question: () => T): T {
  const started = performance.now()
  const answer = question()
  expect(performance.now() - started).toBeLessThan(quickMs)
  return answer
}

describe('an ancient start', () => {
  it.each<[string, string, string]>([
    ['FREQ=SECONDLY', '2026-01-01T00:00:31Z', '2026-01-01T00:00:29Z'],
    ['FREQ=SECONDLY;INTERVAL=7', '2026-01-01T00:00:31Z', '2026-01-01T00:00:24Z'],
    ['FREQ=MINUTELY', '2026-01-01T00:01Z', '2026-01-01T00:00Z'],
    ['FREQ=HOURLY;INTERVAL=5', '2026-01-01T01:00Z', '2025-12-31T20:00Z'],
    ['FREQ=DAILY;INTERVAL=3', '2026-01-02T00:00Z', '2025-12-30T00:00Z'],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE', '2026-01-05T00:00Z', '2025-12-24T00:00Z'],
    ['FREQ=MONTHLY;BYMONTHDAY=31', '2026-01-31T00:00Z', '2025-12-31T00:00Z'],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', '2026-01-30T00:00Z', '2025-12-31T00:00Z'],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', '2028-02-29T00:00Z', '2024-02-29T00:00Z'],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU', '2032-02-29T00:00Z', '2004-02-29T00:00Z'],
  ])('costs nothing: %s', (rrule, next, previous) => {
    const rule = timed(() => parseRule({ rrule, start: '0001-01-01T00:00:00' }))
    expect(short(timed(() => nextAfter(rule, now)))).toBe(next)
    expect(short(timed(() => previousBefore(rule, now)))).toBe(previous)
  })

  it.each<[string, string]>([
    ['FREQ=MINUTELY;COUNT=1000000000', '2026-01-01T00:01Z'],
    ['FREQ=DAILY;COUNT=1000000', '2026-01-02T00:00Z'],
    ['FREQ=WEEKLY;BYDAY=MO,TU,FR;COUNT=1000000', '2026-01-02T00:00Z'],
    ['FREQ=MONTHLY;BYDAY=-1FR;COUNT=100000', '2026-01-30T00:00Z'],
    ['FREQ=DAILY;BYMONTH=1,2;BYDAY=MO;BYHOUR=1,2;COUNT=1000000', '2026-01-05T01:00Z'],
  ])('is counted from without listing: %s', (rrule, next) => {
    const rule = timed(() => parseRule({ rrule, start: '1900-01-01T00:00:00', timezone: 'UTC' }))
    expect(short(timed(() => nextAfter(rule, now)))).toBe(next)
  })
})

describe('a count', () => {
  it.each<[string, string]>([
    ['FREQ=MINUTELY;COUNT=1000000', '1971-11-26T10:39Z'],
    ['FREQ=DAILY;COUNT=10000', '1997-05-18T00:00Z'],
    ['FREQ=WEEKLY;COUNT=1000', '1989-02-23T00:00Z'],
    ['FREQ=MONTHLY;COUNT=600', '2019-12-01T00:00Z'],
    ['FREQ=YEARLY;COUNT=50', '2019-01-01T00:00Z'],
    ['FREQ=SECONDLY;INTERVAL=7;BYHOUR=9;COUNT=100000', '1970-07-14T09:26:37Z'],
  ])('ends exactly, however it is come to: %s', (rrule, last) => {
    const rule = parseRule({ rrule, start: '1970-01-01T00:00:00' })
    const lastMs = ms(last)
    expect(short(previousBefore(parseRule(rule.spec), now))).toBe(last)
    expect(nextAfter(rule, lastMs - 1)).toBe(lastMs)
    expect(nextAfter(rule, lastMs)).toBeUndefined()
    expect(nextAfter(rule, now)).toBeUndefined()
    expect(countBetween(parseRule(rule.spec), { fromMs: -Infinity, beforeMs: Infinity })).toBe(
      Number(/COUNT=(\d+)/.exec(rrule)?.[1]),
    )
  })

  it('counts what fires, over clock changes', () => {
    for (const [fold, count] of [
      ['first', 1],
      ['both', 2],
    ] as const) {
      const rule = parseRule({ cron: '30 1 * * *', timezone: 'Europe/London', fold, start: '2026-10-25', count })
      expect(between(rule, { fromMs: now, beforeMs: Infinity }, 9)).toHaveLength(count)
      expect(short(previousBefore(rule, ms('2030-01-01T00:00Z')))).toBe(
        count === 1 ? '2026-10-25T00:30Z' : '2026-10-25T01:30Z',
      )
    }
    const skipping = parseRule({
      cron: '30 1 * * *',
      timezone: 'Europe/London',
      gap: 'skip',
      start: '2026-03-28',
      count: 2,
    })
    expect(between(skipping, { fromMs: now, beforeMs: Infinity }, 9).map(short)).toEqual([
      '2026-03-28T01:30Z',
      '2026-03-30T00:30Z',
    ])
  })
})

describe('the ends of time', () => {
  it('are the years 1 and 9999', () => {
    const rule = parseRule('0 0 * * *')
    expect(short(nextAfter(rule, -Infinity))).toBe('0001-01-01T00:00Z')
    expect(short(previousBefore(rule, Infinity))).toBe('9999-12-31T00:00Z')
    expect(nextAfter(rule, Infinity)).toBeUndefined()
    expect(previousBefore(rule, -Infinity)).toBeUndefined()
    expect(countBetween(rule, { fromMs: -Infinity, beforeMs: Infinity })).toBe(3_652_059)
    const interval = parseRule('@every 1d')
    expect(short(nextAfter(interval, -Infinity))).toBe('0000-12-31T00:00Z')
    expect(nextAfter(interval, Infinity)).toBeUndefined()
  })

  it('are reached in zones that change their clocks every year', () => {
    const rule = timed(() => parseRule({ cron: '30 1 * * *', timezone: 'Europe/London' }))
    expect(short(timed(() => nextAfter(rule, ms('9999-07-01T12:00Z'))))).toBe('9999-07-02T00:30Z')
    expect(short(timed(() => nextAfter(rule, ms('0001-06-01T00:00Z'))))).toBe('0001-06-01T01:31:15Z')
  })

  it('are looked through for a rule within the day that fires once in centuries', () => {
    const rule = parseRule({
      rrule: 'FREQ=MINUTELY;INTERVAL=1439;BYMONTH=2;BYMONTHDAY=29;BYHOUR=0',
      start: '0001-01-01',
    })
    const found = between(rule, { fromMs: -Infinity, beforeMs: Infinity }, 1000)
    const minute = 60_000
    const expected: number[] = []
    for (let year = 4; year <= 9999; year += 4) {
      const date = Temporal.PlainDate.from({ year, month: 3, day: 1 }).subtract({ days: 1 })
      if (date.day !== 29) continue
      const midnight = date.toZonedDateTime('UTC').epochMilliseconds
      for (let at = midnight; at < midnight + 60 * minute; at += minute) {
        if ((at - ms('0001-01-01T00:00Z')) % (1439 * minute) === 0) expected.push(at)
      }
    }
    expect(found).toEqual(expected)
    expect(found.length).toBeGreaterThan(10)
  })

  it('are found by a rule that is almost never', () => {
    const rule = timed(() => parseRule({ cron: '0 0 29 2 1', timezone: 'Europe/London', start: '2026-01-01' }))
    expect(short(timed(() => nextAfter(rule, now)))).toBe('2026-02-02T00:00Z')
    const sparse = parseRule({
      rrule: 'FREQ=YEARLY;INTERVAL=999',
      start: '2000-06-01T00:00:00',
      timezone: 'Europe/London',
    })
    expect([...occurrences(sparse, now)].map((atMs) => short(atMs).slice(0, 10))).toEqual([
      '2999-05-31',
      '3998-05-31',
      '4997-05-31',
      '5996-05-31',
      '6995-05-31',
      '7994-05-31',
      '8993-05-31',
      '9992-05-31',
    ])
  })
})

describe('a question about no moment', () => {
  it('is refused', () => {
    const rule = parseRule('0 0 * * *')
    expect(() => nextAfter(rule, Number.NaN)).toThrow('at')
    expect(() => previousBefore(rule, Number.NaN)).toThrow('at')
    expect(() => isOccurrence(rule, Number.NaN)).toThrow('at')
    expect(() => between(rule, { fromMs: Number.NaN, beforeMs: 0 }, 1)).toThrow('from')
    expect(() => countBetween(rule, { fromMs: 0, beforeMs: Number.NaN })).toThrow('before')
    expect(() => between(rule, { fromMs: 0, beforeMs: 1 }, -1)).toThrow('limit')
  })

  it('is answered between milliseconds', () => {
    const rule = parseRule('0 0 * * *')
    const at = ms('2026-01-01T00:00Z')
    expect(nextAfter(rule, at - 0.5)).toBe(at)
    expect(previousBefore(rule, at + 0.5)).toBe(at)
    expect(isOccurrence(rule, at)).toBe(true)
    expect(isOccurrence(rule, at + 1)).toBe(false)
  })
})
