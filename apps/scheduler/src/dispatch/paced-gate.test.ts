import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { PacedGate } from './paced-gate.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

it('spaces out what goes to a target, and sends away what would wait for long', async () => {
  const gate = new PacedGate(2, 1)
  expect(await gate.enter('a')).toBeUndefined()
  gate.leave('a', 'taken')
  // The turn of the second one is in a second: it waits in its place. The third is told to come again, and has no place.
  const second = gate.enter('a')
  expect(await gate.enter('a')).toBeGreaterThanOrEqual(1_000)
  expect(await gate.enter('a')).toBeGreaterThanOrEqual(1_000)
  expect(await gate.enter('b')).toBeUndefined()
  expect(await second).toBeUndefined()
})

it('of 0 a second lets in as many as may be under way', async () => {
  const gate = new PacedGate(2, 0)
  expect(await gate.enter('a')).toBeUndefined()
  expect(await gate.enter('a')).toBeUndefined()
  gate.leave('a', 'taken')
  expect(await gate.enter('a')).toBeUndefined()
})

it('has those who find a target full come again one after the other', async () => {
  const gate = new PacedGate(1, 0)
  expect(await gate.enter('a')).toBeUndefined()
  const waiting = gate.enter('a')
  const away = [await gate.enter('a'), await gate.enter('a'), await gate.enter('a')].map((ms) => ms ?? 0)
  expect(away[1]).toBeGreaterThan((away[0] ?? 0) + 1)
  expect(away[2]).toBeGreaterThan((away[1] ?? 0) + 1)
  gate.leave('a', 'taken')
  expect(await waiting).toBeUndefined()
})
