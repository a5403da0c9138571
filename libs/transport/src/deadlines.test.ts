import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { addDeadline, removeDeadline, type Deadline } from './deadlines.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const due: string[] = []

function deadline(name: string, inMs: number): Deadline {
  return { dueAtMs: performance.now() + inMs, onDue: () => due.push(name) }
}

it('tells each at its time, whatever the order they came in', () => {
  for (const inMs of [300, 100, 200]) addDeadline(deadline(`${inMs}`, inMs))
  vi.advanceTimersByTime(99)
  expect(due.splice(0)).toEqual([])
  vi.advanceTimersByTime(1)
  expect(due.splice(0)).toEqual(['100'])
  vi.advanceTimersByTime(200)
  expect(due.splice(0)).toEqual(['200', '300'])
})

it('does not tell one that was taken away', () => {
  const removed = deadline('removed', 100)
  addDeadline(removed)
  addDeadline(deadline('kept', 200))
  removeDeadline(removed)
  vi.advanceTimersByTime(1_000)
  expect(due.splice(0)).toEqual(['kept'])
})

it('takes new ones from those that are due', () => {
  addDeadline({ dueAtMs: performance.now() + 10, onDue: () => addDeadline(deadline('next', 10)) })
  vi.advanceTimersByTime(20)
  expect(due.splice(0)).toEqual(['next'])
})

it('waits for those that are further away than a timer can be set', () => {
  addDeadline(deadline('next year', 365 * 24 * 3_600_000))
  addDeadline({ ...deadline('never', 0), dueAtMs: Number.POSITIVE_INFINITY })
  vi.advanceTimersByTime(364 * 24 * 3_600_000)
  expect(due).toEqual([])
  vi.advanceTimersByTime(2 * 24 * 3_600_000)
  expect(due.splice(0)).toEqual(['next year'])
  expect(vi.getTimerCount()).toBe(0)
})
