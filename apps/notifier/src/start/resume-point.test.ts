import { create } from '@bufbuild/protobuf'
import { WatchRequestSchema } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { checkedResumePoint } from './resume-point.ts'

const head = {
  revision: 90,
  epoch: 1,
  holder: 'w',
  leaseUntil: new Date(0),
  oldestRevision: 40,
  logId: 'log-a',
}

function resume(resumeAfter: bigint, logId = ''): () => number {
  return () => checkedResumePoint(create(WatchRequestSchema, { resumeAfter, logId }), head)
}

it('takes every revision that the log can go on from', () => {
  expect(resume(39n)()).toBe(39)
  expect(resume(90n, 'log-a')()).toBe(90)
})

it('tells a compacted revision, and from where the log goes', () => {
  expect(resume(38n)).toThrow(
    expect.objectContaining({ code: 'compacted', field: 'resume_after', metadata: { oldest_revision: '40' } }),
  )
})

it('tells a revision that was not committed yet', () => {
  expect(resume(91n)).toThrow(expect.objectContaining({ code: 'future_revision', metadata: { newest_revision: '90' } }))
  expect(resume(2n ** 64n - 1n)).toThrow(expect.objectContaining({ code: 'future_revision' }))
})

it('tells another history before anything else', () => {
  expect(resume(91n, 'log-b')).toThrow(expect.objectContaining({ code: 'log_replaced', metadata: { log_id: 'log-a' } }))
})
