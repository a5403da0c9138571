import fc from 'fast-check'

const zones = [
  'UTC',
  'Europe/London',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'America/Santiago',
  'Antarctica/Troll',
]
const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']

/** The text of a list without duplicates. */
function list<T extends number | string>(item: fc.Arbitrary<T>, most = 3): fc.Arbitrary<string> {
  return fc.uniqueArray(item, { minLength: 1, maxLength: most }).map((items) => items.join(','))
}

const fromEitherEnd = (most: number): fc.Arbitrary<number> =>
  fc.tuple(fc.integer({ min: 1, max: most }), fc.boolean()).map(([value, fromEnd]) => (fromEnd ? -value : value))

type Parts = Partial<Record<string, string | undefined>>

function sometimes(item: fc.Arbitrary<string>): fc.Arbitrary<string | undefined> {
  return fc.option(item, { nil: undefined, freq: 2 })
}

function partsOf(frequency: string): fc.Arbitrary<Parts> {
  const long = frequency === 'YEARLY' || frequency === 'MONTHLY'
  const withinDay = ['HOURLY', 'MINUTELY', 'SECONDLY'].includes(frequency)
  const never = fc.constant(undefined)
  const ordinal = fc
    .tuple(fc.constantFrom('', '', '1', '2', '-1', '5'), fc.constantFrom(...weekdays))
    .map((pair) => pair.join(''))
  return fc.record({
    INTERVAL: sometimes(fc.integer({ min: 2, max: 9 }).map(String)),
    BYMONTH: sometimes(list(fc.integer({ min: 1, max: 12 }), 6)),
    BYYEARDAY: frequency === 'YEARLY' || withinDay ? sometimes(list(fromEitherEnd(366), 8)) : never,
    BYMONTHDAY: frequency === 'WEEKLY' ? never : sometimes(list(fromEitherEnd(31), 6)),
    BYDAY: sometimes(list(long ? ordinal : fc.constantFrom(...weekdays))),
    BYHOUR: sometimes(list(fc.integer({ min: 0, max: 23 }), 8)),
    BYMINUTE: sometimes(list(fc.integer({ min: 0, max: 59 }), 8)),
    BYSECOND: sometimes(list(fc.integer({ min: 0, max: 59 }))),
    BYSETPOS: sometimes(list(fc.constantFrom(1, -1, 2, 3, -2))),
    WKST: sometimes(fc.constantFrom(...weekdays)),
  })
}

function ruleText(frequency: string, parts: Parts): string {
  const others = ['BYMONTH', 'BYYEARDAY', 'BYMONTHDAY', 'BYDAY', 'BYHOUR', 'BYMINUTE', 'BYSECOND']
  const selects = others.some((name) => parts[name] !== undefined)
  const entries = Object.entries(parts).filter(
    ([name, value]) => value !== undefined && (name !== 'BYSETPOS' || selects),
  )
  return [`FREQ=${frequency}`, ...entries.map(([name, value]) => `${name}=${value ?? ''}`)].join(';')
}

/** The text of a recurrence rule, without start and end. */
export const arbitraryRuleText: fc.Arbitrary<string> = fc
  .constantFrom('YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY')
  .chain((frequency) => partsOf(frequency).map((parts) => ruleText(frequency, parts)))

/** A local time of the years 2020 to 2025. */
export const arbitraryLocal: fc.Arbitrary<string> = fc
  .integer({ min: Date.UTC(2020, 0, 1) / 1000, max: Date.UTC(2026, 0, 1) / 1000 })
  .map((second) => new Date(second * 1000).toISOString().slice(0, 19))

const cronItem = (least: number, most: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min: 2, max: 7 }).map((step) => `*/${step}`),
    list(fc.integer({ min: least, max: most })),
    fc
      .tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }))
      .map((pair) => pair.sort((a, b) => a - b).join('-')),
  )

/** A cron expression of five fields. */
export const arbitraryCron: fc.Arbitrary<string> = fc
  .tuple(cronItem(0, 59), cronItem(0, 23), cronItem(1, 31), cronItem(1, 12), cronItem(0, 6))
  .map((fields) => fields.join(' '))

const form = fc.oneof(
  { weight: 3, arbitrary: arbitraryRuleText.map((rrule) => ({ rrule })) },
  { weight: 3, arbitrary: arbitraryCron.map((cron) => ({ cron })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 200_000 }).map((seconds) => ({ every: `${seconds}s` })) },
)

const bounds = fc.record(
  {
    gap: fc.constantFrom('shift', 'skip'),
    fold: fc.constantFrom('first', 'second', 'both'),
    month_end: fc.constantFrom('skip', 'last'),
    count: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5_000_000 })),
    end: arbitraryLocal.map((local) => local.replace(/^20../, '2028')),
    exclude: fc.array(
      arbitraryLocal.map((local) => local.slice(0, 10)),
      { maxLength: 5 },
    ),
    include: fc.array(arbitraryLocal, { maxLength: 2 }),
  },
  { requiredKeys: [] },
)

/** A rule of any form in a zone, with bounds and policies. */
export const arbitraryInput: fc.Arbitrary<unknown> = fc
  .tuple(form, bounds, arbitraryLocal, fc.constantFrom(...zones))
  .map(([rule, bound, start, timezone]) => ({ ...rule, ...bound, start, timezone }))
