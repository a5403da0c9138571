import { expect, it } from 'vitest'
import { nextEventPartition } from './event-partition-plan.ts'

const hourUs = 3_600_000_000
const hourMs = 3_600_000

it('the first partition begins with the present hour', () => {
  const plan = nextEventPartition(undefined, { nowUs: 5 * hourUs + 7, retentionMs: hourMs })
  expect(plan).toEqual({ fromUs: 5 * hourUs, toUs: 6 * hourUs })
})

it('the next one follows without a gap, a sixteenth of the retention and at most a day long', () => {
  const last = { fromUs: 0, toUs: hourUs }
  const lengthOf = (hours: number): number =>
    nextEventPartition(last, { nowUs: hourUs, retentionMs: hours * hourMs }).toUs - hourUs
  expect([1, 168, 8_760].map(lengthOf)).toEqual([hourUs, 10 * hourUs, 24 * hourUs])
})

it('after a long pause none is made that would be over already', () => {
  const last = { fromUs: 0, toUs: hourUs }
  expect(nextEventPartition(last, { nowUs: 2 * hourUs, retentionMs: hourMs }).fromUs).toBe(2 * hourUs)
  expect(nextEventPartition(last, { nowUs: 1.9 * hourUs, retentionMs: hourMs }).fromUs).toBe(hourUs)
})
