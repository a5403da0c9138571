import { expect, it } from 'vitest'
import type { RegisterOperation } from './register-history.ts'
import { Random } from '../load/random.ts'
import { searchLinearization } from './search-linearization.ts'

const forEver = { initial: '', deadlineMs: Infinity }

function write(value: string, invokedMs: number, completedMs: number): RegisterOperation {
  return { kind: 'write', value, invokedMs, completedMs }
}

function read(value: string, invokedMs: number, completedMs: number): RegisterOperation {
  return { kind: 'read', value, invokedMs, completedMs }
}

it('takes a history without operations, and one that reads what there was at first', () => {
  expect(searchLinearization([], forEver)).toBe('linearizable')
  expect(searchLinearization([read('', 0, 1)], forEver)).toBe('linearizable')
})

it('lets a read that overlaps a write see it or not', () => {
  expect(searchLinearization([write('a', 0, 10), read('a', 1, 2), read('a', 11, 12)], forEver)).toBe('linearizable')
  expect(searchLinearization([write('a', 0, 10), read('', 1, 2), read('a', 11, 12)], forEver)).toBe('linearizable')
})

it('refuses a read of what was overwritten before it began', () => {
  const stale = [write('a', 0, 1), write('b', 2, 3), read('a', 4, 5)]
  expect(searchLinearization(stale, forEver)).toBe('not linearizable')
})

it('refuses a value that nobody wrote', () => {
  expect(searchLinearization([read('a', 0, 1)], forEver)).toBe('not linearizable')
})

it('refuses two reads that see two overlapping writes in opposite orders', () => {
  const writes = [write('a', 0, 10), write('b', 0, 10)]
  const oneWay = [...writes, read('a', 11, 12), read('a', 13, 14)]
  expect(searchLinearization(oneWay, forEver)).toBe('linearizable')
  const bothWays = [...writes, read('a', 11, 12), read('b', 13, 14)]
  expect(searchLinearization(bothWays, forEver)).toBe('not linearizable')
})

it('refuses a value that comes back', () => {
  const flicker = [write('a', 0, 1), write('b', 2, 20), read('b', 3, 4), read('a', 5, 6)]
  expect(searchLinearization(flicker, forEver)).toBe('not linearizable')
})

it('lets a write that nobody answered happen at any later time, or never', () => {
  const open = write('b', 2, Infinity)
  expect(searchLinearization([write('a', 0, 1), open, read('a', 3, 4), read('b', 90, 91)], forEver)).toBe(
    'linearizable',
  )
  expect(searchLinearization([write('a', 0, 1), open, read('a', 3, 4)], forEver)).toBe('linearizable')
  expect(searchLinearization([write('a', 0, 1), read('b', 1.5, 1.9), open], forEver)).toBe('not linearizable')
  expect(searchLinearization([write('a', 0, 1), open, read('b', 3, 4), read('a', 5, 6)], forEver)).toBe(
    'not linearizable',
  )
})

it('does not take an instant for an order', () => {
  expect(searchLinearization([write('a', 0, 5), read('', 5, 6)], forEver)).toBe('linearizable')
})

it('says when its time is over', () => {
  const operations = Array.from({ length: 30 }, (_, index) => write(`${index}`, 0, 10))
  expect(searchLinearization([...operations, read('x', 11, 12)], { initial: '', deadlineMs: -1 })).toBe('undecided')
})

it('agrees with a register that is one, and finds a read that was tampered with', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const history = historyOfARegister(new Random(seed))
    expect(searchLinearization(history, forEver)).toBe('linearizable')
    const tampered = history.map((each) =>
      each === history.at(-1) ? read('never written', each.invokedMs, each.completedMs) : each,
    )
    expect(searchLinearization(tampered, forEver)).toBe('not linearizable')
  }
})

/** Overlapping operations on a register, each with its effect at a moment of its own between its begin and its end. */
function historyOfARegister(random: Random): RegisterOperation[] {
  let value = ''
  return Array.from({ length: 60 }, (_, index) => index * 10)
    .map((effectMs) => {
      const invokedMs = effectMs - random.below(40)
      const completedMs = random.next() < 0.1 ? Infinity : effectMs + random.below(40)
      if (random.next() < 0.5) return write((value = `${effectMs}`), invokedMs, completedMs)
      return read(value, invokedMs, Math.min(completedMs, effectMs + 40))
    })
    .concat(read(value, 10_000, 10_001))
}
