import { isQError } from '@qcore/errors'
import { describe, expect, it } from 'vitest'
import { nextAfter, parseRule, type ParseOptions } from '@qcore/recurrence'

interface Refusal {
  code: string
  field: string
  /** Of texts: the character, from 1. */
  position: number | undefined
}

function refusal(input: unknown, options: ParseOptions = {}): Refusal | undefined {
  try {
    parseRule(input, options)
  } catch (error) {
    if (!isQError(error)) throw error
    const { position } = error.metadata
    return { code: error.code, field: error.field, position: position === undefined ? undefined : Number(position) }
  }
  return undefined
}

function invalid(field: string, position?: number): Refusal {
  return { code: 'invalid_schedule', field, position }
}

const start = '2026-01-01T00:00:00'

describe('a cron expression that cannot be read', () => {
  it.each<[string, string, number | undefined]>([
    ['', 'cron', undefined],
    ['* * * *', 'cron', undefined],
    ['* * * * * * *', 'cron', undefined],
    ['60 * * * *', 'cron.minute', 1],
    ['-1 * * * *', 'cron.minute', 1],
    ['1.5 * * * *', 'cron.minute', 1],
    ['0x10 * * * *', 'cron.minute', 1],
    ['* 24 * * *', 'cron.hour', 3],
    ['* * 0 * *', 'cron.day_of_month', 5],
    ['* * 32 * *', 'cron.day_of_month', 5],
    ['* * 1,2,99 * *', 'cron.day_of_month', 9],
    ['* * 15W * *', 'cron.day_of_month', 5],
    ['* * LW * *', 'cron.day_of_month', 5],
    ['* * L-31 * *', 'cron.day_of_month', 5],
    ['* * * 13 *', 'cron.month', 7],
    ['* * * foo *', 'cron.month', 7],
    ['* * * * 8', 'cron.day_of_week', 9],
    ['* * * * mon,xyz', 'cron.day_of_week', 13],
    ['* * * * 1#6', 'cron.day_of_week', 9],
    ['* * * * 1#0', 'cron.day_of_week', 9],
    ['99 * * * * *', 'cron.second', 1],
    ['1,,2 * * * *', 'cron.minute', 3],
    ['1, * * * *', 'cron.minute', 3],
    ['*/0 * * * *', 'cron.minute', 1],
    ['1-2-3 * * * *', 'cron.minute', 1],
    ['1/2/3 * * * *', 'cron.minute', 1],
    ['5/3 * * * *', 'cron.minute', 1],
    ['  0   x * * *', 'cron.hour', 7],
    ['@fortnightly', 'cron', 1],
    ['@reboot', 'cron', 1],
    ['@toString', 'cron', 1],
    [`${'1,'.repeat(600)}1 * * * *`, 'cron', undefined],
  ])('%s', (cron, field, position) => {
    expect(refusal(cron)).toEqual(invalid(field, position))
    expect(refusal({ cron })).toEqual(invalid(field, position))
  })

  it('has a field of seconds where the caller wants none', () => {
    expect(refusal('0 0 0 * * *', { cronSeconds: false })).toEqual(invalid('cron'))
    expect(refusal('0 0 0 * * *')).toBeUndefined()
  })
})

describe('a recurrence text that cannot be read', () => {
  it.each<[string, string, number | undefined]>([
    ['FREQ=DALY', 'rrule.FREQ', 6],
    ['INTERVAL=2', 'rrule.FREQ', 1],
    ['FREQ=DAILY;FOO=1', 'rrule.FOO', 16],
    ['FREQ=DAILY;INTERVAL', 'rrule', 12],
    ['FREQ=DAILY;', 'rrule', 12],
    ['FREQ=DAILY;=1', 'rrule', 12],
    ['FREQ=DAILY;FREQ=WEEKLY', 'rrule.FREQ', 12],
    ['FREQ=DAILY;INTERVAL=0', 'rrule.INTERVAL', 21],
    ['FREQ=DAILY;INTERVAL=1.5', 'rrule.INTERVAL', 21],
    ['FREQ=DAILY;INTERVAL=1000001', 'rrule.INTERVAL', 21],
    ['FREQ=DAILY;COUNT=0', 'rrule.COUNT', 18],
    ['FREQ=DAILY;COUNT=-1', 'rrule.COUNT', 18],
    ['FREQ=DAILY;COUNT=1000000001', 'rrule.COUNT', 18],
    ['FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z', 'rrule.COUNT', 18],
    ['FREQ=DAILY;UNTIL=tomorrow', 'rrule.UNTIL', 18],
    ['FREQ=DAILY;UNTIL=20260230', 'rrule.UNTIL', 18],
    ['FREQ=DAILY;UNTIL=20260201T250000Z', 'rrule.UNTIL', 18],
    ['FREQ=YEARLY;BYMONTH=0', 'rrule.BYMONTH', 21],
    ['FREQ=YEARLY;BYMONTH=1,13', 'rrule.BYMONTH', 23],
    ['FREQ=YEARLY;BYMONTH=', 'rrule.BYMONTH', 21],
    ['FREQ=MONTHLY;BYMONTHDAY=32', 'rrule.BYMONTHDAY', 25],
    ['FREQ=MONTHLY;BYMONTHDAY=-32', 'rrule.BYMONTHDAY', 25],
    ['FREQ=MONTHLY;BYMONTHDAY=0', 'rrule.BYMONTHDAY', 25],
    ['FREQ=YEARLY;BYYEARDAY=367', 'rrule.BYYEARDAY', 23],
    ['FREQ=YEARLY;BYWEEKNO=54', 'rrule.BYWEEKNO', 22],
    ['FREQ=DAILY;BYHOUR=24', 'rrule.BYHOUR', 19],
    ['FREQ=DAILY;BYMINUTE=60', 'rrule.BYMINUTE', 21],
    ['FREQ=DAILY;BYSECOND=60', 'rrule.BYSECOND', 21],
    ['FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0', 'rrule.BYSETPOS', 32],
    ['FREQ=MONTHLY;BYDAY=XX', 'rrule.BYDAY', 20],
    ['FREQ=MONTHLY;BYDAY=MO,0TU', 'rrule.BYDAY', 23],
    ['FREQ=YEARLY;BYDAY=54MO', 'rrule.BYDAY', 19],
    ['FREQ=WEEKLY;WKST=XX', 'rrule.WKST', 18],
    ['FREQ=WEEKLY;BYDAY=1MO', 'rrule.BYDAY', 19],
    ['FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO', 'rrule.BYDAY', 30],
    ['FREQ=WEEKLY;BYMONTHDAY=1', 'rrule.BYMONTHDAY', 24],
    ['FREQ=MONTHLY;BYWEEKNO=1', 'rrule.BYWEEKNO', 23],
    ['FREQ=DAILY;BYYEARDAY=1', 'rrule.BYYEARDAY', 22],
    ['FREQ=DAILY;BYSETPOS=1', 'rrule.BYSETPOS', 21],
    ['FREQ=DAILY;SKIP=BACKWARD', 'rrule.SKIP', 17],
    ['RSCALE=GREGORIAN;FREQ=DAILY;SKIP=FORWARD', 'rrule.SKIP', 34],
    ['RSCALE=HEBREW;FREQ=DAILY', 'rrule.RSCALE', 8],
    ['RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY', 'rrule', 24],
    ['DTSTART:20260101T000000Z', 'rrule', undefined],
    ['RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY', 'rrule.EXRULE', 25],
    ['RRULE:FREQ=DAILY\nwhat is this', 'rrule', 18],
    ['DTSTART:20260101\nDTSTART:20260102\nRRULE:FREQ=DAILY', 'rrule.DTSTART', 26],
    ['DTSTART:20260101,20260102\nRRULE:FREQ=DAILY', 'rrule.DTSTART', 9],
    ['DTSTART:2026-01-01\nRRULE:FREQ=DAILY', 'rrule.DTSTART', 9],
    ['DTSTART;VALUE=PERIOD:20260101\nRRULE:FREQ=DAILY', 'rrule.DTSTART', 22],
    ['DTSTART;FOO=BAR:20260101\nRRULE:FREQ=DAILY', 'rrule.DTSTART', 17],
    ['RRULE:FREQ=DAILY\nEXDATE:20260101,x', 'rrule.EXDATE', 34],
    [
      'DTSTART;TZID=Europe/Paris:20260101T000000\nEXDATE;TZID=Europe/London:20260102T000000\nRRULE:FREQ=DAILY',
      'rrule.EXDATE',
      69,
    ],
    [`FREQ=DAILY;BYHOUR=${'1,'.repeat(20_000)}1`, 'rrule', undefined],
  ])('%s', (rrule, field, position) => {
    expect(refusal(rrule, { startMs: 0 })).toEqual(invalid(field, position))
  })
})

describe('an object that cannot be read', () => {
  it.each<[unknown, string]>([
    [undefined, 'schedule'],
    [null, 'schedule'],
    [5, 'schedule'],
    [['0 0 * * *'], 'schedule'],
    [{}, 'schedule'],
    [{ cron: 5 }, 'cron'],
    [{ rrule: {} }, 'rrule'],
    [{ cron: '0 0 * * *', every: '5m' }, 'every'],
    [{ cron: '0 0 * * *', freqency: 'daily' }, 'freqency'],
    [{ cron: '0 0 * * *', by_day: ['MO'] }, 'by_day'],
    [{ cron: '0 0 * * *', anchor: start }, 'anchor'],
    [{ at: '2026-01-01T00:00:00Z', count: 2 }, 'count'],
    [{ at: '2026-01-01T00:00:00Z', end: start }, 'end'],
    [{ at: '2026-02-30' }, 'at'],
    [{ at: '2026-01-01 00:00' }, 'at'],
    [{ at: '2026-01-01T24:30:00Z' }, 'at'],
    [{ at: '0000-01-01' }, 'at'],
    [{ at: 1_767_225_600_000 }, 'at'],
    [{ every: '5' }, 'every'],
    [{ every: 300 }, 'every'],
    [{ every: '0s' }, 'every'],
    [{ every: '999ms' }, 'every'],
    [{ every: '40000d' }, 'every'],
    [{ every: 'P1M' }, 'every'],
    [{ every: 'PT' }, 'every'],
    [{ every: '5m', anchor: 'noon' }, 'anchor'],
    [{ cron: '@every 5' }, 'cron'],
    [{ cron: '0 0 * * *', timezone: 'Europe/Nowhere' }, 'timezone'],
    [{ cron: '0 0 * * *', timezone: '+02:00' }, 'timezone'],
    [{ cron: '0 0 * * *', timezone: 5 }, 'timezone'],
    [{ cron: '0 0 * * *', timezone: '' }, 'timezone'],
    [{ rrule: 'DTSTART;TZID=Europe/Paris:20260101T000000\nRRULE:FREQ=DAILY', timezone: 'Europe/London' }, 'timezone'],
    [{ rrule: 'DTSTART;TZID=Mars/Base:20260101T000000\nRRULE:FREQ=DAILY' }, 'timezone'],
    [{ rrule: 'DTSTART:20260101T000000\nRRULE:FREQ=DAILY', start }, 'start'],
    [{ rrule: 'FREQ=DAILY' }, 'start'],
    [{ frequency: 'daily' }, 'start'],
    [{ cron: '0 0 * * *', start: 'now' }, 'start'],
    [{ cron: '0 0 * * *', end: '2026-13-01' }, 'end'],
    [{ cron: '0 0 * * *', end: '2027-01-01', until: '2027-01-01' }, 'until'],
    [{ rrule: 'FREQ=DAILY;UNTIL=20270101', start, end: '2027-01-01' }, 'end'],
    [{ rrule: 'FREQ=DAILY;COUNT=2', start, count: 3 }, 'count'],
    [{ cron: '0 0 * * *', count: 3 }, 'count'],
    [{ cron: '0 0 * * *', start, count: 0 }, 'count'],
    [{ cron: '0 0 * * *', start, count: 1.5 }, 'count'],
    [{ cron: '0 0 * * *', start, count: '3' }, 'count'],
    [{ cron: '0 0 * * *', exclude: '2026-01-01' }, 'exclude'],
    [{ cron: '0 0 * * *', exclude: ['2026-01-01', 'x'] }, 'exclude[1]'],
    [{ cron: '0 0 * * *', exclude: Array.from({ length: 1001 }, () => '2026-01-01') }, 'exclude'],
    [{ cron: '0 0 * * *', include: [1] }, 'include[0]'],
    [{ cron: '0 0 * * *', jitter: '2d' }, 'jitter'],
    [{ cron: '0 0 * * *', jitter: 30 }, 'jitter'],
    [{ cron: '0 0 * * *', gap: 'drop' }, 'gap'],
    [{ cron: '0 0 * * *', fold: 'none' }, 'fold'],
    [{ cron: '0 0 * * *', month_end: 'first' }, 'month_end'],
    [{ frequency: 'secondly', start }, 'frequency'],
    [{ frequency: 'foo', start }, 'frequency'],
    [{ frequency: 'constructor', start }, 'frequency'],
    [{ frequency: 5, start }, 'frequency'],
    [{ frequency: 'minutely', interval: 0, start }, 'interval'],
    [{ frequency: 'minutely', interval: -1, start }, 'interval'],
    [{ frequency: 'minutely', interval: '2', start }, 'interval'],
    [{ frequency: 'weekly', by_day: ['XX'], start }, 'by_day[0]'],
    [{ frequency: 'weekly', by_day: ['MO', 5], start }, 'by_day[1]'],
    [{ frequency: 'weekly', by_day: 'MO', start }, 'by_day'],
    [{ frequency: 'weekly', by_day: ['1MO'], start }, 'by_day'],
    [{ frequency: 'monthly', by_month_day: [0, 32], start }, 'by_month_day[0]'],
    [{ frequency: 'monthly', by_month_day: [1, 32], start }, 'by_month_day[1]'],
    [{ frequency: 'monthly', by_month_day: ['1'], start }, 'by_month_day[0]'],
    [{ frequency: 'yearly', by_month: [1, 13], start }, 'by_month[1]'],
    [{ frequency: 'weekly', by_month_day: [1], start }, 'by_month_day'],
    [{ frequency: 'daily', by_set_pos: [1], start }, 'by_set_pos'],
    [{ frequency: 'weekly', week_start: 'Monday', start }, 'week_start'],
  ])('%j', (input, field) => {
    expect(refusal(input)).toEqual(invalid(field))
  })
})

describe('a rule without any occurrence', () => {
  it.each<[unknown, string]>([
    ['0 0 30 2 *', 'cron'],
    ['0 0 31 2,4,6,9,11 *', 'cron'],
    [{ rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', start }, 'rrule'],
    [{ rrule: 'FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30', start }, 'rrule'],
    [{ rrule: 'FREQ=SECONDLY;INTERVAL=2;BYSECOND=1', start }, 'rrule'],
    [{ rrule: 'FREQ=MINUTELY;INTERVAL=1440;BYHOUR=2', start }, 'rrule'],
    [{ rrule: 'FREQ=DAILY;INTERVAL=7;BYDAY=SA', start: '2026-01-05' }, 'rrule'],
    [{ rrule: 'FREQ=HOURLY;INTERVAL=336;BYDAY=SA', start: '2026-01-05' }, 'rrule'],
    [{ rrule: 'FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2', start }, 'rrule'],
    [{ rrule: 'FREQ=HOURLY;BYMINUTE=5;BYSETPOS=2', start }, 'rrule'],
    [{ rrule: 'FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29', start: '2025-01-01' }, 'rrule'],
    [{ rrule: 'FREQ=DAILY', start: '2026-01-02', end: '2026-01-01' }, 'rrule'],
    [{ rrule: 'FREQ=DAILY;COUNT=1\nEXDATE:20260101', start: '2026-01-01' }, 'rrule'],
    [{ frequency: 'yearly', by_month: [2], by_month_day: [30], start }, 'frequency'],
    [{ every: '1d', start: '2026-01-01', end: '2025-01-01' }, 'every'],
    [{ at: '2026-03-29T01:30:00', timezone: 'Europe/London', gap: 'skip' }, 'at'],
    [{ at: '2026-01-01T00:00:00Z', exclude: ['2026-01-01'] }, 'at'],
  ])('is refused: %j', (input, field) => {
    expect(refusal(input)).toEqual({ code: 'schedule_never_fires', field, position: undefined })
  })
})

describe('a rule whose occurrences are centuries apart', () => {
  const startMs = Date.UTC(2026, 10, 21)

  it.each(['FREQ=SECONDLY;INTERVAL=999983;BYHOUR=0;BYMINUTE=0;BYSECOND=0', 'FREQ=SECONDLY;INTERVAL=604801;BYDAY=MO'])(
    'is refused, and keeps nobody waiting: %s',
    (text) => {
      const ask = (): unknown => nextAfter(parseRule(text, { startMs, timezone: 'Europe/London' }), startMs)
      expect(ask).toThrowError(expect.objectContaining({ code: 'invalid_schedule' }))
    },
  )

  it.each([
    ['FREQ=HOURLY;INTERVAL=1000000', '2140-12-19T16:00:00.000Z'],
    ['FREQ=HOURLY;INTERVAL=9973;BYHOUR=3;BYMONTH=2;BYMONTHDAY=29', '3136-02-29T03:00:00.000Z'],
    ['FREQ=YEARLY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO', '2208-02-29T00:00:00.000Z'],
  ])('is not if they are found without looking at every day: %s', (text, expected) => {
    expect(nextAfter(parseRule(text, { startMs }), startMs)).toBe(Date.parse(expected))
  })
})

it('a count is not counted from before 1900', () => {
  const counted = { rrule: 'FREQ=SECONDLY;INTERVAL=86399;COUNT=1000000000' }
  expect(refusal({ ...counted, start: '1899-12-31T23:59:59Z' })).toEqual(invalid('count'))
  expect(refusal({ ...counted, start: '1900-01-01T00:00:00Z' })).toBeUndefined()
})
