import { QError, type ErrorCode } from '@qcore/errors'
import { expect, it } from 'vitest'
import { outcomeOfFailure } from './commit-outcome.ts'

it.each<[ErrorCode, number, object]>([
  ['outcome_unknown', 1, { kind: 'postponed', inDoubt: true }],
  ['canceled', 1, { kind: 'postponed', inDoubt: true }],
  ['not_leader', 1, { kind: 'postponed', inDoubt: false }],
  ['token_revoked', 1, { kind: 'postponed', inDoubt: false }],
  ['unknown_namespace', 1, { kind: 'failed', finally: 'refused' }],
  ['idempotency_key_reused', 1, { kind: 'failed', finally: 'refused' }],
  ['idempotency_key_reused', 2, { kind: 'done' }],
])('a commit that failed with %s in attempt %i', (code, attempt, outcome) => {
  expect(outcomeOfFailure(new QError(code, 'why'), attempt)).toMatchObject(outcome)
})

it('a fault of the platform is tried again, and counts', () => {
  const outcome = outcomeOfFailure(new QError('internal', 'why'), 1)
  expect(outcome).toEqual({ kind: 'failed', error: 'internal: why' })
})
