import { Cron } from 'croner'
import { RRuleTemporal } from 'rrule-temporal'
import { describe, expect, it } from 'vitest'
import { between, countBetween, parseRule, type ClockPolicy } from '@qcore/recurrence'
import { transitions, type Transition } from './_zone-transitions.ts'

/** One of each kind, of all zones, takes seconds; `Q_TEST_ZONES=all` goes through all of them. */
const all = process.env['Q_TEST_ZONES'] === 'all'
const changes = transitions(all)
const timeoutMs = all ? 3_600_000 : 60_000

const hourMs = 3_600_000
const dayMs = 24 * hourMs

interface TimeOfDay {
  hour: number
  minute: number
}

interface Window {
  fromMs: number
  beforeMs: number
}

function around({ atMs }: Pick<Transition, 'atMs'>, hours: number): Window {
  return { fromMs: atMs - hours * hourMs, beforeMs: atMs + hours * hourMs }
}

/** Times at, within and beside what a change leaves out or repeats. */
function timesNear({ wallMs }: Pick<Transition, 'wallMs'>): TimeOfDay[] {
  return [-15, 0, 15, 30, 59, 60, 119].map((minutes) => {
    const at = new Date(wallMs + minutes * 60_000)
    return { hour: at.getUTCHours(), minute: at.getUTCMinutes() }
  })
}

function ours(input: object, window: Window): number[] {
  const rule = parseRule(input)
  const found = between(rule, window, 1000)
  expect(countBetween(rule, window)).toBe(found.length)
  return found
}

function cronOf({ hour, minute }: TimeOfDay): string {
  return `${minute} ${hour} * * *`
}

function localTime(zone: string, atMs: number): TimeOfDay {
  const { hour, minute } = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(zone)
  return { hour, minute }
}

/** The moments of a local time by a policy, one local date after the other, as Temporal has them. */
function fromTemporal({ zone, wallMs }: Transition, time: TimeOfDay, policy: ClockPolicy): number[] {
  const moments = new Set<number>()
  for (let day = -3; day <= 3; day++) {
    const {
      year,
      month,
      day: dayOfMonth,
    } = Temporal.Instant.fromEpochMilliseconds(wallMs + day * dayMs).toZonedDateTimeISO('UTC')
    const local = new Temporal.PlainDateTime(year, month, dayOfMonth, time.hour, time.minute)
    const earlier = local.toZonedDateTime(zone, { disambiguation: 'earlier' })
    const later = local.toZonedDateTime(zone, { disambiguation: 'later' })
    if (!earlier.toPlainDateTime().equals(local)) {
      if (policy.gap === 'shift') moments.add(later.epochMilliseconds)
      continue
    }
    if (policy.fold !== 'second') moments.add(earlier.epochMilliseconds)
    if (policy.fold !== 'first') moments.add(later.epochMilliseconds)
  }
  return [...moments].sort((a, b) => a - b)
}

function within(moments: readonly number[], { fromMs, beforeMs }: Window): number[] {
  return moments.filter((at) => at >= fromMs && at < beforeMs)
}

/** Finding a time takes croner some 40 µs, so that no more are asked for than a window can have. */
function fromCroner(expression: string, zone: string, window: Window): number[] {
  const most = expression.endsWith(' * * * *') ? 60 : 5
  const dates = new Cron(expression, { timezone: zone, paused: true }).nextRuns(most, new Date(window.fromMs - 1000))
  return within(
    dates.map((date) => date.getTime()),
    window,
  )
}

function fromRRuleTemporal(rule: string, change: Transition, window: Window): number[] {
  const start = Temporal.Instant.fromEpochMilliseconds(window.fromMs - 10 * dayMs).toZonedDateTimeISO(change.zone)
  const dtstart = start.toPlainDateTime().with({ hour: 0, minute: 0, second: 0, millisecond: 0 })
  const text = `DTSTART;TZID=${change.zone}:${dtstart.toString().replaceAll(/[-:]/g, '')}\nRRULE:${rule}`
  const found = new RRuleTemporal({ rruleString: text }).between(
    new Date(window.fromMs),
    new Date(window.beforeMs),
    true,
  )
  return within(
    found.map((date) => Temporal.ZonedDateTime.from(date.toString()).epochMilliseconds),
    window,
  )
}

function startOf(change: Transition, window: Window): string {
  const start = Temporal.Instant.fromEpochMilliseconds(window.fromMs - 10 * dayMs).toZonedDateTimeISO(change.zone)
  return start.toPlainDate().toString()
}

interface Found {
  found: readonly number[]
  expected: readonly number[]
}

/** What differs, as texts, of comparisons at every change. */
function differences(compare: (change: Transition) => Iterable<Found & { of: string }>): string[] {
  const texts: string[] = []
  for (const change of changes) {
    for (const { of, found, expected } of compare(change)) {
      if (found.join() === expected.join()) continue
      const at = new Date(change.atMs).toISOString()
      texts.push(`${change.zone} ${at}: ${of}: ${found.map(isoText).join(' ')}, not ${expected.map(isoText).join(' ')}`)
    }
  }
  return texts
}

function isoText(atMs: number): string {
  return new Date(atMs).toISOString()
}

const policies = (['shift', 'skip'] as const).flatMap((gap) =>
  (['first', 'second', 'both'] as const).map((fold): ClockPolicy => ({ gap, fold })),
)

describe(`at ${changes.length} clock changes`, () => {
  it('finds some', () => {
    expect(changes.length).toBeGreaterThan(50)
  })

  it('a time of day is where Temporal has it, by every policy', { timeout: timeoutMs }, () => {
    const found = differences(function* (change) {
      const window = around(change, 36)
      for (const time of timesNear(change)) {
        for (const policy of policies) {
          const input = { cron: cronOf(time), timezone: change.zone, ...policy }
          const expected = within(fromTemporal(change, time, policy), window)
          yield { of: JSON.stringify(input), found: ours(input, window), expected }
        }
      }
    })
    expect(found).toEqual([])
  })

  it('a time of day is where croner has it, but for what is left out', { timeout: timeoutMs }, () => {
    const found = differences(function* ({ zone, ...change }) {
      const window = around(change, 36)
      for (const time of timesNear(change)) {
        const cron = cronOf(time)
        // Croner puts off what the clocks leave out to the end of the gap, which is another time of day.
        const expected = fromCroner(cron, zone, window).filter((atMs) => {
          const local = localTime(zone, atMs)
          return local.hour === time.hour && local.minute === time.minute
        })
        yield { of: cron, found: ours({ cron, timezone: zone, gap: 'skip', fold: 'first' }, window), expected }
      }
    })
    expect(found).toEqual([])
  })

  it('croner follows the clock as expressions with a star do', { timeout: timeoutMs }, () => {
    const found = differences(function* ({ zone, ...change }) {
      const window = around(change, 6)
      for (const cron of ['*/15 * * * *', '0 * * * *', '7,37 * * * *']) {
        yield { of: cron, found: ours({ cron, timezone: zone }, window), expected: fromCroner(cron, zone, window) }
      }
    })
    expect(found).toEqual([])
  })

  it('a time of day is where rrule-temporal has it, which skips what is left out', { timeout: timeoutMs }, () => {
    const found = differences(function* (change) {
      const times = timesNear(change)
      const hours = new Set(times.map(({ hour }) => hour))
      const minutes = new Set(times.map(({ minute }) => minute))
      const rrule = `FREQ=DAILY;BYHOUR=${[...hours].join(',')};BYMINUTE=${[...minutes].join(',')}`
      yield besideRRuleTemporal(change, { rrule, gap: 'skip', fold: 'first' })
    })
    expect(found).toEqual([])
  })

  it('rrule-temporal follows the clock as a rule by minutes does', { timeout: timeoutMs }, () => {
    expect(differences((change) => [besideRRuleTemporal(change, { rrule: 'FREQ=MINUTELY;INTERVAL=15' })])).toEqual([])
  })
})

function besideRRuleTemporal(
  change: Transition,
  rule: { rrule: string } & Partial<ClockPolicy>,
): Found & { of: string } {
  const window = around(change, 36)
  const input = { ...rule, timezone: change.zone, start: startOf(change, window) }
  return { of: rule.rrule, found: ours(input, window), expected: fromRRuleTemporal(rule.rrule, change, window) }
}
