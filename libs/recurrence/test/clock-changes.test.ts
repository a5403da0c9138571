import { describe, expect, it } from 'vitest'
import { countBetween, parseRule, previousBefore } from '@qcore/recurrence'
import { firstFrom, localFrom, ms, short } from './_moments.ts'

const london = 'Europe/London'

describe('a local time that a clock change leaves out', () => {
  it('comes as much later as the clocks were put on', () => {
    expect(firstFrom({ cron: '30 1 * * *', timezone: london }, '2026-03-28T00:00Z', 3)).toEqual([
      '2026-03-28T01:30Z',
      '2026-03-29T01:30Z',
      '2026-03-30T00:30Z',
    ])
    expect(localFrom({ timezone: 'Australia/Lord_Howe', cron: '15 2 * * *' }, '2026-10-02T16:00Z', 2)).toEqual([
      '2026-10-04T02:45+11:00',
      '2026-10-05T02:15+11:00',
    ])
    expect(localFrom({ timezone: 'Antarctica/Troll', cron: '15 2 * * *' }, '2026-03-29T00:00Z', 2)).toEqual([
      '2026-03-29T04:15+02:00',
      '2026-03-30T02:15+02:00',
    ])
  })

  it('is left out by choice', () => {
    expect(firstFrom({ cron: '30 1 * * *', timezone: london, gap: 'skip' }, '2026-03-28T00:00Z', 3)).toEqual([
      '2026-03-28T01:30Z',
      '2026-03-30T00:30Z',
      '2026-03-31T00:30Z',
    ])
  })

  it('is midnight in some zones', () => {
    expect(localFrom({ timezone: 'America/Havana', cron: '0 0 * * *' }, '2026-03-07T12:00Z', 2)).toEqual([
      '2026-03-08T01:00-04:00',
      '2026-03-09T00:00-04:00',
    ])
  })

  it('is one occurrence with another that falls on the same moment', () => {
    const rule = { cron: '30 1,2 * * *', timezone: london }
    expect(firstFrom(rule, '2026-03-29T00:00Z', 2)).toEqual(['2026-03-29T01:30Z', '2026-03-30T00:30Z'])
    expect(countBetween(parseRule(rule), { fromMs: ms('2026-03-29T00:00Z'), beforeMs: ms('2026-03-30T00:00Z') })).toBe(
      1,
    )
  })

  it('is a whole day where a zone crossed the date line', () => {
    const rule = { cron: '0 9 * * *', timezone: 'Pacific/Apia' }
    expect(localFrom(rule, '2011-12-29T00:00Z', 3)).toEqual([
      '2011-12-29T09:00-10:00',
      '2011-12-31T09:00+14:00',
      '2012-01-01T09:00+14:00',
    ])
    expect(countBetween(parseRule(rule), { fromMs: ms('2011-12-29T00:00Z'), beforeMs: ms('2012-01-02T00:00Z') })).toBe(
      4,
    )
  })
})

describe('a local time that a clock change repeats', () => {
  it.each([
    ['first', ['2026-10-24T00:30Z', '2026-10-25T00:30Z', '2026-10-26T01:30Z', '2026-10-27T01:30Z']],
    ['second', ['2026-10-24T00:30Z', '2026-10-25T01:30Z', '2026-10-26T01:30Z', '2026-10-27T01:30Z']],
    ['both', ['2026-10-24T00:30Z', '2026-10-25T00:30Z', '2026-10-25T01:30Z', '2026-10-26T01:30Z']],
  ])('counts by the policy %s, forwards and backwards', (fold, expected) => {
    const input = { cron: '30 1 * * *', timezone: london, fold }
    expect(firstFrom(input, '2026-10-24T00:00Z', 4)).toEqual(expected)
    const rule = parseRule(input)
    const backwards: (number | undefined)[] = []
    for (let at: number | undefined = ms(expected.at(-1) ?? '') + 1; backwards.length < 4;) {
      at = at === undefined ? undefined : previousBefore(rule, at)
      backwards.unshift(at)
    }
    expect(backwards.map(short)).toEqual(expected)
  })

  it('is the first one if nothing is said', () => {
    expect(firstFrom({ cron: '30 1 * * *', timezone: london }, '2026-10-25T00:00Z', 2)).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ])
  })
})

describe('a rule that follows the clock', () => {
  const hourly = ['2026-10-24T23:00Z', '2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z']

  it.each([
    { cron: '0 * * * *' },
    { cron: '0 */1 * * *' },
    { rrule: 'FREQ=HOURLY', start: '2026-10-01T00:00:00' },
    { frequency: 'hourly', start: '2026-10-01T00:00:00' },
  ])('has no pause and no rush when clocks change: %j', (input) => {
    expect(firstFrom({ ...input, timezone: london }, '2026-10-24T23:00Z', 4)).toEqual(hourly)
    expect(firstFrom({ ...input, timezone: london, start: '2026-03-01T00:00:00' }, '2026-03-29T00:00Z', 3)).toEqual([
      '2026-03-29T00:00Z',
      '2026-03-29T01:00Z',
      '2026-03-29T02:00Z',
    ])
  })

  it('is one whose minute begins with a star too, as in Vixie cron', () => {
    expect(firstFrom({ cron: '*/30 1 * * *', timezone: london }, '2026-10-25T00:00Z', 5)).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T00:30Z',
      '2026-10-25T01:00Z',
      '2026-10-25T01:30Z',
      '2026-10-26T01:00Z',
    ])
    expect(firstFrom({ cron: '*/30 1 * * *', timezone: london }, '2026-03-29T00:00Z', 1)).toEqual(['2026-03-30T00:00Z'])
  })

  it('has another policy if one is given', () => {
    expect(firstFrom({ cron: '0 * * * *', timezone: london, fold: 'first' }, '2026-10-24T23:00Z', 3)).toEqual([
      '2026-10-24T23:00Z',
      '2026-10-25T00:00Z',
      '2026-10-25T02:00Z',
    ])
  })

  it('is unlike an interval, which does not look at clocks', () => {
    const interval = { every: '6h', anchor: '2026-10-24T00:00:00', timezone: london }
    expect(localFrom(interval, '2026-10-24T12:00Z', 3)).toEqual([
      '2026-10-24T18:00+01:00',
      '2026-10-25T00:00+01:00',
      '2026-10-25T05:00+00:00',
    ])
    const recurrence = { rrule: 'FREQ=HOURLY;INTERVAL=6', start: '2026-10-24T00:00:00', timezone: london }
    expect(localFrom(recurrence, '2026-10-24T12:00Z', 3)).toEqual([
      '2026-10-24T18:00+01:00',
      '2026-10-25T00:00+01:00',
      '2026-10-25T06:00+00:00',
    ])
  })
})

describe('a day of the month that a month lacks', () => {
  it('is left out', () => {
    expect(firstFrom({ frequency: 'monthly', start: '2026-01-31T09:00:00' }, '2026-01-01T00:00Z', 3)).toEqual([
      '2026-01-31T09:00Z',
      '2026-03-31T09:00Z',
      '2026-05-31T09:00Z',
    ])
  })

  it.each([
    { frequency: 'monthly', start: '2026-01-31T09:00:00' },
    { rrule: 'FREQ=MONTHLY;BYMONTHDAY=30,31;BYHOUR=9;BYSETPOS=-1', start: '2026-01-01T00:00:00' },
    { cron: '0 9 31 * *' },
    { rrule: 'FREQ=DAILY;BYMONTHDAY=31', start: '2026-01-01T09:00:00' },
  ])('is the last one by choice: %j', (input) => {
    expect(firstFrom({ ...input, month_end: 'last' }, '2026-01-01T00:00Z', 4)).toEqual([
      '2026-01-31T09:00Z',
      '2026-02-28T09:00Z',
      '2026-03-31T09:00Z',
      '2026-04-30T09:00Z',
    ])
  })

  it('is the last one by RFC 7529 too, and 29 February the 28th', () => {
    const text = 'DTSTART:20240229T090000Z\nRRULE:RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD'
    expect(firstFrom(text, '2024-01-01T00:00Z', 3)).toEqual([
      '2024-02-29T09:00Z',
      '2025-02-28T09:00Z',
      '2026-02-28T09:00Z',
    ])
  })
})
