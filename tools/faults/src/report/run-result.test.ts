import { expect, it } from 'vitest'
import { isOnlyLate, resultWithout } from './run-result.ts'

const failed = resultWithout({ name: 'x', summary: '' }, { seed: 1, outcome: 'failed', reason: 'r' })

it('tells a run that was late from one in which something was lost', () => {
  expect(isOnlyLate({ ...failed, checks: { acknowledged: 0, recovery: 1 }, violations: 1 })).toBe(true)
  expect(isOnlyLate({ ...failed, outcome: 'void' })).toBe(true)
  expect(isOnlyLate({ ...failed, checks: { acknowledged: 1, recovery: 1 }, violations: 2 })).toBe(false)
  expect(isOnlyLate({ ...failed, checks: { acknowledged: 0, recovery: 1 }, violations: 2 })).toBe(false)
  expect(isOnlyLate(failed)).toBe(false)
  expect(isOnlyLate({ ...failed, outcome: 'not run' })).toBe(false)
})
