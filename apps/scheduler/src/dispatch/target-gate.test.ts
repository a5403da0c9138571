import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { TargetGate } from './target-gate.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

it('lets so many in, as many more wait for their turn, and the others come again later', async () => {
  const gate = new TargetGate(2)
  expect(await gate.enter('a')).toBeUndefined()
  expect(await gate.enter('a')).toBeUndefined()
  const order: string[] = []
  const third = gate.enter('a').then(() => order.push('third'))
  const fourth = gate.enter('a').then(() => order.push('fourth'))
  expect(await gate.enter('a')).toBeGreaterThan(0)
  expect(await gate.enter('b')).toBeUndefined()
  gate.leave('a', 'taken')
  await third
  expect(order).toEqual(['third'])
  gate.leave('a', 'taken')
  await fourth
  expect(order).toEqual(['third', 'fourth'])
})

it('lets more wait where they get in soon, and says how many wait', async () => {
  const gate = new TargetGate(1)
  expect(await gate.enter('a')).toBeUndefined()
  const waiting = [gate.enter('a', 3), gate.enter('a', 3), gate.enter('a', 3)]
  expect(gate.waiting).toBe(3)
  expect(await gate.enter('a', 3)).toBeGreaterThan(0)
  for (const turn of waiting) {
    gate.leave('a', 'taken')
    expect(await turn).toBeUndefined()
  }
  expect(gate.waiting).toBe(0)
})

it('leaves a target alone that failed five times in a row, longer each time, and tries with one', async () => {
  const gate = new TargetGate(4)
  for (let failures = 0; failures < 5; failures++) {
    expect(await gate.enter('a')).toBeUndefined()
    gate.leave('a', 'failed')
  }
  expect(await gate.enter('a')).toBeGreaterThanOrEqual(5_000)
  expect(await gate.enter('b')).toBeUndefined()
  vi.advanceTimersByTime(5_000)
  expect(await gate.enter('a')).toBeUndefined()
  expect(await gate.enter('a')).toBeGreaterThan(0)
  gate.leave('a', 'failed')
  expect(await gate.enter('a')).toBeGreaterThanOrEqual(10_000)
  vi.advanceTimersByTime(10_000)
  expect(await gate.enter('a')).toBeUndefined()
  gate.leave('a', 'taken')
  expect(await gate.enter('a')).toBeUndefined()
  expect(await gate.enter('a')).toBeUndefined()
})

it('does not blame a target for what was not tried, or was answered', async () => {
  const gate = new TargetGate(1)
  for (const outcome of ['failed', 'failed', 'failed', 'failed', 'taken', 'failed', 'untried', 'untried'] as const) {
    expect(await gate.enter('a')).toBeUndefined()
    gate.leave('a', outcome)
  }
})

it('sends away who waits for a target that is found broken, and counts what was under way then once', async () => {
  const gate = new TargetGate(8)
  for (let running = 0; running < 8; running++) expect(await gate.enter('a')).toBeUndefined()
  const waiting = Array.from({ length: 8 }, () => gate.enter('a'))
  for (let failures = 0; failures < 5; failures++) gate.leave('a', 'failed')
  const comeBack = await Promise.all(waiting)
  expect(comeBack.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => undefined))
  for (const ms of comeBack.slice(4)) expect(ms).toBeGreaterThanOrEqual(5_000)
  for (let left = 0; left < 7; left++) gate.leave('a', 'failed')
  vi.advanceTimersByTime(5_000)
  expect(await gate.enter('a')).toBeUndefined()
  gate.leave('a', 'failed')
  vi.advanceTimersByTime(10_000)
  expect(await gate.enter('a')).toBeUndefined()
})
