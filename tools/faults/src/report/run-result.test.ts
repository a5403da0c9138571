import { expect, it } from 'vitest'
import { closingLine, isOnlyLate, resultWithout } from './run-result.ts'

const failed = resultWithout({ name: 'x', summary: '' }, { seed: 1, outcome: 'failed', reason: 'r' })

it('tells a run that was late from one in which something was lost', () => {
  expect(isOnlyLate({ ...failed, checks: { acknowledged: 0, recovery: 1 }, violations: 1 })).toBe(true)
  expect(isOnlyLate({ ...failed, outcome: 'void' })).toBe(true)
  expect(isOnlyLate({ ...failed, checks: { acknowledged: 1, recovery: 1 }, violations: 2 })).toBe(false)
  expect(isOnlyLate({ ...failed, checks: { acknowledged: 0, recovery: 1 }, violations: 2 })).toBe(false)
  expect(isOnlyLate(failed)).toBe(false)
  expect(isOnlyLate({ ...failed, outcome: 'not run' })).toBe(false)
})

it('counts how runs came out, in the last line', () => {
  const results = [failed, { ...failed, outcome: 'void' as const }, { ...failed, outcome: 'passed' as const }]
  expect(closingLine(results, 1)).toBe('fault runs: 1 passed, 1 failed, 1 void, 0 not run; 1 tried again')
})
