import { expect, it } from 'vitest'
import { parseDuration } from './duration.ts'

it.each<[string, number | undefined]>([
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['1.5s', 1_500],
  ['0s', 0],
  ['', undefined],
  ['5', undefined],
  ['m', undefined],
  ['5m ', undefined],
  ['-5m', undefined],
  ['5 m', undefined],
  ['5d', undefined],
])('%j is %s milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})
