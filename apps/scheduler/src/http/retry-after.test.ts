import { expect, it } from 'vitest'
import { retryAfterMs } from './retry-after.ts'

it.each([
  [undefined, 0],
  ['30', 30_000],
  ['0', 0],
  ['9999999', 86_400_000],
  ['Thu, 01 Jan 1970 00:01:40 GMT', 40_000],
  ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
  ['soon', 0],
  ['-5', 0],
])('Retry-After %s', (value, ms) => {
  expect(retryAfterMs(value, 60_000)).toBe(ms)
})
