import { describe, expect, it } from 'vitest'
import { firstFrom } from './_moments.ts'

/** What Qhronos made of schedules, put right: its vectors, with what RFC 5545 says. */
describe('schedule objects of Qhronos', () => {
  it('fires weekly on Mondays at the time of the start', () => {
    const schedule = { frequency: 'weekly', interval: 1, by_day: ['MO'], start: '2024-05-02T10:00:00Z' }
    expect(firstFrom(schedule, '2024-05-30T10:00Z', 2)).toEqual(['2024-06-03T10:00Z', '2024-06-10T10:00Z'])
  })

  it('keeps a monthly 31st on 31sts, without drift', () => {
    const schedule = { frequency: 'monthly', interval: 1, start: '2023-01-31T00:00:00Z' }
    expect(firstFrom(schedule, '2023-01-01T00:00Z', 4)).toEqual([
      '2023-01-31T00:00Z',
      '2023-03-31T00:00Z',
      '2023-05-31T00:00Z',
      '2023-07-31T00:00Z',
    ])
  })

  it('keeps 29 February in leap years', () => {
    const schedule = { frequency: 'yearly', start: '2024-02-29T12:00:00Z' }
    expect(firstFrom(schedule, '2024-01-01T00:00Z', 3)).toEqual([
      '2024-02-29T12:00Z',
      '2028-02-29T12:00Z',
      '2032-02-29T12:00Z',
    ])
  })

  it('reaches a day of the month before that of the start', () => {
    const schedule = { frequency: 'monthly', by_month_day: [5], start: '2023-01-20T08:00:00Z' }
    expect(firstFrom(schedule, '2023-01-01T00:00Z', 2)).toEqual(['2023-02-05T08:00Z', '2023-03-05T08:00Z'])
  })

  it('counts weeks from Monday', () => {
    const schedule = { frequency: 'weekly', interval: 2, by_day: ['MO', 'WE'], start: '2024-05-01T09:00:00Z' }
    expect(firstFrom(schedule, '2024-01-01T00:00Z', 5)).toEqual([
      '2024-05-01T09:00Z',
      '2024-05-13T09:00Z',
      '2024-05-15T09:00Z',
      '2024-05-27T09:00Z',
      '2024-05-29T09:00Z',
    ])
  })

  it.each(['minutely', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'])('ends a %s count exactly', (frequency) => {
    for (const count of [1, 3, 10]) {
      const schedule = { frequency, count, start: '2024-05-01T09:00:00Z' }
      expect(firstFrom(schedule, '2024-01-01T00:00Z', 100)).toHaveLength(count)
    }
  })

  it('never fires before its start', () => {
    const schedule = { frequency: 'monthly', by_month_day: [12], start: '2024-05-20T07:00:00Z' }
    expect(firstFrom(schedule, '2024-05-10T00:00Z', 1)).toEqual(['2024-06-12T07:00Z'])
  })

  it('keeps the local time of a zone over a clock change', () => {
    const schedule = { frequency: 'daily', start: '2024-03-01T08:00:00Z', timezone: 'Europe/Berlin' }
    expect(firstFrom(schedule, '2024-03-30T00:00Z', 2)).toEqual(['2024-03-30T08:00Z', '2024-03-31T07:00Z'])
  })

  it('fires at the moment of until too', () => {
    const schedule = { frequency: 'daily', start: '2024-03-01T08:00:00Z', until: '2024-03-03T08:00:00Z' }
    expect(firstFrom(schedule, '2024-01-01T00:00Z', 9)).toEqual([
      '2024-03-01T08:00Z',
      '2024-03-02T08:00Z',
      '2024-03-03T08:00Z',
    ])
  })

  it('takes count and until together; the sooner one ends it', () => {
    const schedule = { frequency: 'daily', start: '2024-03-01T08:00:00Z', until: '2024-03-03T08:00:00Z' }
    expect(firstFrom({ ...schedule, count: 2 }, '2024-01-01T00:00Z', 9)).toHaveLength(2)
    expect(firstFrom({ ...schedule, count: 5 }, '2024-01-01T00:00Z', 9)).toHaveLength(3)
  })

  it('takes an interval that is absent for 1', () => {
    expect(firstFrom({ frequency: 'daily', start: '2024-03-01T08:00:00Z' }, '2024-03-02T00:00Z', 1)).toEqual([
      '2024-03-02T08:00Z',
    ])
  })

  it('spaces minutes and hours evenly', () => {
    expect(
      firstFrom({ frequency: 'minutely', interval: 2, start: '2024-03-01T08:00:00Z' }, '2024-03-01T08:01Z', 2),
    ).toEqual(['2024-03-01T08:02Z', '2024-03-01T08:04Z'])
    expect(
      firstFrom({ frequency: 'hourly', interval: 3, start: '2024-03-01T08:30:00Z' }, '2024-03-01T20:00Z', 3),
    ).toEqual(['2024-03-01T20:30Z', '2024-03-01T23:30Z', '2024-03-02T02:30Z'])
  })

  it('takes the start that the caller knows, if the schedule has none', () => {
    const startMs = Date.UTC(2024, 2, 1, 8)
    expect(firstFrom({ frequency: 'daily' }, '2024-01-01T00:00Z', 1, { startMs })).toEqual(['2024-03-01T08:00Z'])
  })
})

describe('scheduled tasks of the Core System Prototype', () => {
  it('fires every five minutes on the minute', () => {
    expect(firstFrom('*/5 * * * *', '2026-01-01T00:01Z', 2)).toEqual(['2026-01-01T00:05Z', '2026-01-01T00:10Z'])
  })

  it('fires at nine in New York, in winter and in summer', () => {
    const task = { cron: '0 9 * * *', timezone: 'America/New_York' }
    expect(firstFrom(task, '2026-01-15T00:00Z', 1)).toEqual(['2026-01-15T14:00Z'])
    expect(firstFrom(task, '2026-07-15T00:00Z', 1)).toEqual(['2026-07-15T13:00Z'])
  })
})
