import { expect, it } from 'vitest'
import { microsFromRfc3339, rfc3339FromMicros } from './rfc3339.ts'

it.each([
  [0, '1970-01-01T00:00:00.000000Z'],
  [1_795_262_978_618_062, '2026-11-21T12:09:38.618062Z'],
  [-1, '1969-12-31T23:59:59.999999Z'],
])('%d is written and read to the microsecond', (micros, text) => {
  expect(rfc3339FromMicros(micros)).toBe(text)
  expect(microsFromRfc3339(text)).toBe(micros)
})

it.each([
  ['2026-11-21T13:09:38+01:00', 1_795_262_978_000_000],
  ['2026-11-21t12:09:38.5z', 1_795_262_978_500_000],
  ['2026-11-21T12:09:38.618062999Z', 1_795_262_978_618_062],
])('%s is read', (text, micros) => {
  expect(microsFromRfc3339(text)).toBe(micros)
})

it.each(['', 'now', '2026-11-21', '2026-11-21T12:09:38', '2026-13-21T12:09:38Z', '2026-11-21T12:09:38.Z'])(
  '%s is no time',
  (text) => {
    expect(microsFromRfc3339(text)).toBeUndefined()
  },
)
