import { describe, expect, it } from 'vitest'
import { localFrom } from './_moments.ts'

const timezone = 'America/New_York'
const start = '1997-09-02T09:00:00'

/** The dates (and times, where they are not 09:00) of the first occurrences of a rule from Tuesday, 2 September 1997, 9:00. */
function dates(rule: string, count: number, from = start): string {
  return localFrom({ rrule: rule, start: from, timezone }, '1997-01-01T00:00Z', count)
    .map((text) => text.slice(0, 16).replace('T09:00', '').replace('T', ' '))
    .join(', ')
}

/** The examples of RFC 5545, section 3.8.5.3. */
describe('the examples of RFC 5545', () => {
  it.each([
    ['FREQ=DAILY;COUNT=3', '1997-09-02, 1997-09-03, 1997-09-04'],
    ['FREQ=DAILY;INTERVAL=2', '1997-09-02, 1997-09-04, 1997-09-06'],
    ['FREQ=DAILY;INTERVAL=10;COUNT=5', '1997-09-02, 1997-09-12, 1997-09-22, 1997-10-02, 1997-10-12'],
    ['FREQ=WEEKLY;COUNT=3', '1997-09-02, 1997-09-09, 1997-09-16'],
    ['FREQ=WEEKLY;INTERVAL=2;WKST=SU', '1997-09-02, 1997-09-16, 1997-09-30, 1997-10-14'],
    ['FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH', '1997-09-02, 1997-09-04, 1997-09-09, 1997-09-11'],
    [
      'FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH',
      '1997-09-02, 1997-09-04, 1997-09-16, 1997-09-18, 1997-09-30',
    ],
    ['FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU', '1997-09-07, 1997-09-28, 1997-11-02, 1997-11-30'],
    ['FREQ=MONTHLY;COUNT=6;BYDAY=-2MO', '1997-09-22, 1997-10-20, 1997-11-17, 1997-12-22, 1998-01-19, 1998-02-16'],
    ['FREQ=MONTHLY;BYMONTHDAY=-3', '1997-09-28, 1997-10-29, 1997-11-28, 1997-12-29, 1998-01-29, 1998-02-26'],
    ['FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15', '1997-09-02, 1997-09-15, 1997-10-02, 1997-10-15'],
    ['FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1', '1997-09-30, 1997-10-01, 1997-10-31, 1997-11-01, 1997-11-30'],
    ['FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12', '1997-09-10, 1997-09-11, 1997-09-12, 1999-03-10'],
    ['FREQ=MONTHLY;INTERVAL=2;BYDAY=TU', '1997-09-02, 1997-09-09, 1997-09-16, 1997-09-23, 1997-09-30, 1997-11-04'],
    ['FREQ=YEARLY;COUNT=10;BYMONTH=6,7', '1998-06-02, 1998-07-02, 1999-06-02, 1999-07-02'],
    ['FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3', '1999-01-02, 1999-02-02, 1999-03-02, 2001-01-02'],
    ['FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200', '2000-01-01, 2000-04-09, 2000-07-18, 2003-01-01'],
    ['FREQ=YEARLY;BYDAY=20MO', '1998-05-18, 1999-05-17, 2000-05-15'],
    ['FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', '1998-05-11, 1999-05-17, 2000-05-15'],
    ['FREQ=YEARLY;BYMONTH=3;BYDAY=TH', '1998-03-05, 1998-03-12, 1998-03-19, 1998-03-26, 1999-03-04'],
    ['FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8', '1998-06-04, 1998-06-11, 1998-06-18, 1998-06-25, 1998-07-02'],
    ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', '1998-02-13, 1998-03-13, 1998-11-13, 1999-08-13, 2000-10-13'],
    ['FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13', '1997-09-13, 1997-10-11, 1997-11-08, 1997-12-13'],
    ['FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8', '1997-11-04, 2001-11-06, 2005-11-08'],
    ['FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3', '1997-09-04, 1997-10-07, 1997-11-06'],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2', '1997-09-29, 1997-10-30, 1997-11-27, 1997-12-30'],
    ['FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z', '1997-09-02, 1997-09-02 12:00, 1997-09-02 15:00'],
    ['FREQ=MINUTELY;INTERVAL=15;COUNT=6', '1997-09-02, 1997-09-02 09:15, 1997-09-02 09:30, 1997-09-02 09:45'],
    ['FREQ=MINUTELY;INTERVAL=90;COUNT=4', '1997-09-02, 1997-09-02 10:30, 1997-09-02 12:00, 1997-09-02 13:30'],
    ['FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16', '1997-09-02, 1997-09-02 09:20, 1997-09-02 09:40'],
  ])('%s', (rule, expected) => {
    expect(dates(rule, expected.split(', ').length)).toBe(expected)
  })

  it('counts weeks from another day with another result', () => {
    const from = '1997-08-05T09:00:00'
    expect(dates('FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO', 9, from)).toBe(
      '1997-08-05, 1997-08-10, 1997-08-19, 1997-08-24',
    )
    expect(dates('FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU', 9, from)).toBe(
      '1997-08-05, 1997-08-17, 1997-08-19, 1997-08-31',
    )
  })

  it('skips dates that do not exist', () => {
    expect(dates('FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5', 9, '2007-01-15T09:00:00')).toBe(
      '2007-01-15, 2007-01-30, 2007-02-15, 2007-03-15, 2007-03-30',
    )
  })

  it('ends at an UNTIL in UTC, inclusive', () => {
    const all = dates('FREQ=DAILY;UNTIL=19971224T000000Z', 1000).split(', ')
    expect(all).toHaveLength(113)
    expect(all.at(-1)).toBe('1997-12-23')
    expect(dates('FREQ=DAILY;UNTIL=19970904T130000Z', 9)).toBe('1997-09-02, 1997-09-03, 1997-09-04')
  })

  it('takes a date as UNTIL for all of that day', () => {
    expect(dates('FREQ=DAILY;UNTIL=19970904', 9)).toBe('1997-09-02, 1997-09-03, 1997-09-04')
  })
})

describe('rules that libraries get wrong', () => {
  it.each([
    ['FREQ=YEARLY;BYDAY=1MO;BYMONTHDAY=1,2,3', '2000-01-03, 2001-01-01, 2005-01-03, 2006-01-02'],
    ['FREQ=YEARLY;BYDAY=SU,5TH;BYMONTH=1', '1998-01-04, 1998-01-11, 1998-01-18, 1998-01-25, 1998-01-29, 1999-01-03'],
    ['FREQ=YEARLY;BYYEARDAY=100;BYMONTHDAY=9', '2000-04-09, 2004-04-09, 2008-04-09'],
    ['FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,SU', '1997-12-29, 1998-01-04, 1999-01-04, 1999-01-10, 2000-01-03'],
    ['FREQ=YEARLY;BYWEEKNO=20', '1998-05-12, 1999-05-18, 2000-05-16'],
    ['FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR', '1999-01-01, 2004-12-31, 2010-01-01'],
  ])('%s', (rule, expected) => {
    expect(dates(rule, expected.split(', ').length)).toBe(expected)
  })
})
