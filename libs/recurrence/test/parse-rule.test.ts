import { describe, expect, it } from 'vitest'
import { between, describeRule, nextAfter, parseRule, type TimeZone } from '@qcore/recurrence'
import { firstFrom, ms, short } from './_moments.ts'

const from = '2026-01-01T00:00Z'

describe('cron', () => {
  it.each<[string, string[]]>([
    ['0 9 * * 1-5', ['2026-01-01T09:00Z', '2026-01-02T09:00Z', '2026-01-05T09:00Z']],
    ['0 9 * * MON-FRI', ['2026-01-01T09:00Z', '2026-01-02T09:00Z', '2026-01-05T09:00Z']],
    ['0 9 * jan,Dec sunday', ['2026-01-04T09:00Z', '2026-01-11T09:00Z', '2026-01-18T09:00Z']],
    ['0 0 * * 0', ['2026-01-04T00:00Z', '2026-01-11T00:00Z', '2026-01-18T00:00Z']],
    ['0 0 * * 7', ['2026-01-04T00:00Z', '2026-01-11T00:00Z', '2026-01-18T00:00Z']],
    ['  */20   9-10/2 * * ? ', ['2026-01-01T09:00Z', '2026-01-01T09:20Z', '2026-01-01T09:40Z', '2026-01-02T09:00Z']],
    ['0 22-2/2 * * *', ['2026-01-01T00:00Z', '2026-01-01T02:00Z', '2026-01-01T22:00Z']],
    ['0 0 L * *', ['2026-01-31T00:00Z', '2026-02-28T00:00Z', '2026-03-31T00:00Z']],
    ['0 0 L-2 * *', ['2026-01-29T00:00Z', '2026-02-26T00:00Z', '2026-03-29T00:00Z']],
    ['0 0 * * 1#2', ['2026-01-12T00:00Z', '2026-02-09T00:00Z', '2026-03-09T00:00Z']],
    ['0 0 * * 5L', ['2026-01-30T00:00Z', '2026-02-27T00:00Z', '2026-03-27T00:00Z']],
    ['0 0 29 2 *', ['2028-02-29T00:00Z', '2032-02-29T00:00Z']],
    ['15,45 30 9 * * *', ['2026-01-01T09:30:15Z', '2026-01-01T09:30:45Z', '2026-01-02T09:30:15Z']],
    ['@hourly', ['2026-01-01T00:00Z', '2026-01-01T01:00Z']],
    ['@daily', ['2026-01-01T00:00Z', '2026-01-02T00:00Z']],
    ['@midnight', ['2026-01-01T00:00Z', '2026-01-02T00:00Z']],
    ['@weekly', ['2026-01-04T00:00Z', '2026-01-11T00:00Z']],
    ['@Monthly', ['2026-01-01T00:00Z', '2026-02-01T00:00Z']],
    ['@yearly', ['2026-01-01T00:00Z', '2027-01-01T00:00Z']],
    ['@annually', ['2026-01-01T00:00Z', '2027-01-01T00:00Z']],
  ])('%s', (cron, expected) => {
    expect(firstFrom(cron, from, expected.length)).toEqual(expected)
  })

  it('fires on days of the month or of the week if both are named, as Vixie cron does', () => {
    expect(firstFrom('0 0 13 * 5', from, 5)).toEqual([
      '2026-01-02T00:00Z',
      '2026-01-09T00:00Z',
      '2026-01-13T00:00Z',
      '2026-01-16T00:00Z',
      '2026-01-23T00:00Z',
    ])
  })

  it('wants both if one of them begins with a star, as Vixie cron does', () => {
    expect(firstFrom('0 0 */2 * 1', from, 3)).toEqual(['2026-01-05T00:00Z', '2026-01-19T00:00Z', '2026-02-09T00:00Z'])
  })

  it('knows 30 February when it is the last day by choice', () => {
    expect(firstFrom({ cron: '0 0 30 2 *', month_end: 'last' }, from, 2)).toEqual([
      '2026-02-28T00:00Z',
      '2027-02-28T00:00Z',
    ])
  })
})

describe('intervals', () => {
  it('are counted from 1970 if nothing is said, so that all processes agree', () => {
    expect(firstFrom('@every 1h30m', '2026-01-01T00:10Z', 2)).toEqual(['2026-01-01T01:30Z', '2026-01-01T03:00Z'])
    expect(firstFrom({ every: '90s' }, '2026-01-01T00:00Z', 2)).toEqual(['2026-01-01T00:00Z', '2026-01-01T00:01:30Z'])
  })

  it('are counted from their start, or from an anchor on either side of it', () => {
    expect(firstFrom({ every: 'PT45M', start: '2026-01-01T00:10:00Z' }, from, 2)).toEqual([
      '2026-01-01T00:10Z',
      '2026-01-01T00:55Z',
    ])
    const anchored = { every: '1d', anchor: '2030-06-01T06:00:00Z', start: '2026-01-01T00:00:00Z', count: 2 }
    expect(firstFrom(anchored, '2020-01-01T00:00Z', 9)).toEqual(['2026-01-01T06:00Z', '2026-01-02T06:00Z'])
  })
})

describe('times', () => {
  it('fire once', () => {
    expect(firstFrom('2026-03-01T10:00:00.250Z', from, 9)).toEqual(['2026-03-01T10:00:00.250Z'])
    expect(firstFrom('2026-03-01T10:00:00+05:30', from, 9)).toEqual(['2026-03-01T04:30Z'])
    expect(firstFrom({ at: '2026-03-01T10:00', timezone: 'Asia/Kolkata' }, from, 9)).toEqual(['2026-03-01T04:30Z'])
    expect(firstFrom({ at: '2026-03-01', timezone: 'Asia/Kolkata' }, from, 9)).toEqual(['2026-02-28T18:30Z'])
  })

  it('fire whatever start the caller has for rules that repeat', () => {
    expect(firstFrom('2026-03-01T10:00:00Z', from, 9, { startMs: ms('2026-06-01T00:00Z') })).toEqual([
      '2026-03-01T10:00Z',
    ])
  })

  it('are put off where clocks leave them out, and repeated where they repeat them, by choice', () => {
    const timezone = 'Europe/London'
    expect(firstFrom({ at: '2026-03-29T01:30:00', timezone }, from, 9)).toEqual(['2026-03-29T01:30Z'])
    expect(firstFrom({ at: '2026-10-25T01:30:00', timezone }, from, 9)).toEqual(['2026-10-25T00:30Z'])
    expect(firstFrom({ at: '2026-10-25T01:30:00', timezone, fold: 'both' }, from, 9)).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-25T01:30Z',
    ])
  })
})

describe('recurrence texts', () => {
  it('take start, zone, exceptions and additions from their lines', () => {
    const text = [
      'DTSTART;TZID=Europe/Paris:20260101T090000',
      'RRULE:FREQ=DAILY;COUNT=5',
      'EXDATE;TZID=Europe/Paris:20260102T090000',
      'EXDATE;VALUE=DATE:20260104',
      'RDATE:20260110T120000Z',
    ].join('\r\n')
    expect(firstFrom(text, from, 9)).toEqual([
      '2026-01-01T08:00Z',
      '2026-01-03T08:00Z',
      '2026-01-05T08:00Z',
      '2026-01-10T12:00Z',
    ])
  })

  it('may be the rule alone, in any letters, with the start beside it', () => {
    expect(firstFrom({ rrule: 'freq=weekly;byday=mo', start: '2026-01-01T09:00:00' }, from, 2)).toEqual([
      '2026-01-05T09:00Z',
      '2026-01-12T09:00Z',
    ])
    expect(firstFrom('FREQ=WEEKLY;BYDAY=MO,WE,FR;INTERVAL=1', from, 1, { startMs: ms('2026-01-01T09:00Z') })).toEqual([
      '2026-01-02T09:00Z',
    ])
  })

  it('do not fire at a start that the rule does not allow', () => {
    expect(firstFrom({ rrule: 'FREQ=DAILY;BYHOUR=12', start: '2026-01-01T09:00:00' }, from, 1)).toEqual([
      '2026-01-01T12:00Z',
    ])
  })

  it('begin at their moment where clocks show it twice', () => {
    const rule = { rrule: 'FREQ=MINUTELY;INTERVAL=30', timezone: 'Europe/London' }
    expect(firstFrom({ ...rule, start: '2026-10-25T01:00:00Z' }, '2026-10-24T00:00Z', 2)).toEqual([
      '2026-10-25T01:00Z',
      '2026-10-25T01:30Z',
    ])
    expect(firstFrom({ ...rule, start: '2026-10-25T01:00:00' }, '2026-10-24T00:00Z', 2)).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T00:30Z',
    ])
  })
})

describe('bounds', () => {
  const cron = '0 9 * * *'

  it('start and end inclusively, with dates for whole days of the zone', () => {
    expect(firstFrom({ cron, start: '2026-01-02T09:00:00Z', end: '2026-01-03T09:00:00Z' }, from, 9)).toEqual([
      '2026-01-02T09:00Z',
      '2026-01-03T09:00Z',
    ])
    const zoned = { cron, timezone: 'Asia/Tokyo', start: '2026-01-02', end: '2026-01-03' }
    expect(firstFrom(zoned, '2025-01-01T00:00Z', 9)).toEqual(['2026-01-02T00:00Z', '2026-01-03T00:00Z'])
  })

  it('count before anything is left out, and additions do not count', () => {
    const rule = {
      cron,
      start: '2026-01-01',
      count: 3,
      exclude: ['2026-01-02'],
      include: ['2026-01-20T01:00:00Z', '2026-01-03T09:00:00Z'],
    }
    expect(firstFrom(rule, from, 9)).toEqual(['2026-01-01T09:00Z', '2026-01-03T09:00Z', '2026-01-20T01:00Z'])
  })

  it('leave out moments, local times and days', () => {
    const rule = {
      cron,
      timezone: 'Europe/London',
      exclude: ['2026-07-02T08:00:00Z', '2026-07-03T09:00:00', '2026-07-05'],
    }
    expect(firstFrom(rule, '2026-07-01T00:00Z', 3)).toEqual([
      '2026-07-01T08:00Z',
      '2026-07-04T08:00Z',
      '2026-07-06T08:00Z',
    ])
  })

  it('leave out a day on which clocks change', () => {
    const rule = { cron: '0 * * * *', timezone: 'Europe/London', exclude: ['2026-03-29', '2026-10-25'] }
    expect(firstFrom(rule, '2026-03-28T23:00Z', 2)).toEqual(['2026-03-28T23:00Z', '2026-03-29T23:00Z'])
    expect(firstFrom(rule, '2026-10-24T22:00Z', 2)).toEqual(['2026-10-24T22:00Z', '2026-10-26T00:00Z'])
  })
})

describe('the spec of a rule', () => {
  it.each<unknown>([
    '*/5 9-17 1,15 * mon',
    { cron: '30 1 * * *', timezone: 'europe/london', fold: 'both', gap: 'skip', jitter: 'PT1M30S' },
    { cron: '0 9 * * *', start: '2026-01-01', count: 12, exclude: ['2026-01-03', '2026-01-04T09:00:00Z'] },
    { every: '2m', anchor: '2026-01-01T00:00:30Z', end: '2026-06-01' },
    { every: '2m', start: '2026-01-01T00:00:30.5Z' },
    { at: '2026-03-29T01:30:00', timezone: 'Europe/London' },
    {
      frequency: 'monthly',
      by_day: ['-1FR', 'MO'],
      by_set_pos: [-1],
      start: '2026-01-01T08:00:00Z',
      until: '2027-01-01T00:00:00Z',
      timezone: 'Europe/Berlin',
      month_end: 'last',
      week_start: 'SU',
    },
    'DTSTART;TZID=Europe/Paris:20260101T090000\nRRULE:FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1,-1;BYHOUR=9,10;BYMINUTE=5;BYSECOND=6;UNTIL=20300101\nEXDATE:20280101\nRDATE:20260110T120000Z',
    'DTSTART:20260101T090000Z\nRRULE:FREQ=DAILY;BYMONTH=2,3;BYMONTHDAY=-1,31;COUNT=3;RSCALE=GREGORIAN;SKIP=BACKWARD',
  ])('reads as the same rule: %j', (input) => {
    const rule = parseRule(input)
    const again = parseRule(JSON.parse(JSON.stringify(rule.spec)), { timezone: 'Asia/Tokyo' })
    expect(again.spec).toEqual(rule.spec)
    const window = { fromMs: ms('2025-01-01T00:00Z'), beforeMs: ms('2035-01-01T00:00Z') }
    expect(between(again, window, 50)).toEqual(between(rule, window, 50))
    expect(describeRule(again)).toBe(describeRule(rule))
  })

  it('has everything filled in', () => {
    expect(parseRule('0 9 * * *').spec).toEqual({
      cron: '0 9 * * *',
      timezone: 'UTC',
      gap: 'shift',
      fold: 'first',
      month_end: 'skip',
    })
    expect(parseRule({ cron: '* 9 * * *', timezone: 'europe/london' }).spec).toMatchObject({
      timezone: 'Europe/London',
      gap: 'skip',
      fold: 'both',
    })
  })
})

describe('zones', () => {
  it('come from the caller', () => {
    const half: TimeZone = {
      id: 'Test/Half',
      segmentAt: () => ({
        fromMs: -Infinity,
        toMs: Infinity,
        offsetMs: 1_800_000,
        offsetBeforeMs: 1_800_000,
        offsetAfterMs: 1_800_000,
      }),
    }
    const rule = parseRule('0 9 * * *', { timezone: 'half', zones: (id) => (id === 'half' ? half : undefined) })
    expect(short(nextAfter(rule, ms(from)))).toBe('2026-01-01T08:30Z')
    expect(rule.spec.timezone).toBe('Test/Half')
  })

  it('are the default of the caller for an input without one', () => {
    expect(firstFrom('0 9 * * *', from, 1, { timezone: 'Asia/Tokyo' })).toEqual(['2026-01-01T00:00Z'])
    expect(firstFrom({ cron: '0 9 * * *', timezone: 'UTC' }, from, 1, { timezone: 'Asia/Tokyo' })).toEqual([
      '2026-01-01T09:00Z',
    ])
  })
})

describe('descriptions', () => {
  it.each<[unknown, string]>([
    ['0 9 * * 1-5', 'at 09:00 on Monday to Friday (UTC)'],
    ['*/15 * * * *', 'at minute 0, 15, 30 and 45 of every hour (UTC)'],
    ['* * * * *', 'every minute of every hour (UTC)'],
    ['0 0 1,L * 5L', 'at 00:00 on day 1 and the last day of the month or on the last Friday (UTC)'],
    [
      { cron: '30 1 * 3 *', timezone: 'Europe/London', jitter: '30s' },
      'at 01:30 in March (Europe/London), up to 30s later',
    ],
    ['@every 90s', 'every 1m30s'],
    ['2026-03-01T10:00:00Z', 'once at 2026-03-01T10:00:00Z (UTC)'],
    [
      { frequency: 'weekly', interval: 2, by_day: ['MO', 'WE'], start: '2026-01-01T08:00:00Z', count: 5 },
      'every 2 weeks on Monday and Wednesday (UTC), from 2026-01-01T08:00:00Z, 5 times',
    ],
    [
      {
        rrule: 'FREQ=MONTHLY;BYDAY=MO,TU,-1FR;BYSETPOS=-1',
        start: '2026-01-01',
        end: '2026-05-01',
        exclude: ['2026-02-27'],
      },
      'every month on Monday, Tuesday and the last Friday of these number -1 (UTC), from 2026-01-01, until 2026-05-01, except 2026-02-27',
    ],
  ])('%j', (input, expected) => {
    expect(describeRule(parseRule(input))).toBe(expected)
  })
})
