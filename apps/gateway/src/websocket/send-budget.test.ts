import { expect, it } from 'vitest'
import { SendBudget } from './send-budget.ts'

it('lets go of the client that takes least when all together are over the limit', () => {
  const budget = new SendBudget(100)
  const gone: string[] = []
  const client = (name: string) => ({ overrun: () => gone.push(name) })
  const [a, b, c] = [client('a'), client('b'), client('c')]
  budget.hold(a, 30)
  budget.hold(b, 60)
  budget.hold(c, 10)
  expect([budget.bytes, gone]).toEqual([100, []])
  budget.hold(c, 11)
  expect([budget.bytes, gone]).toEqual([41, ['b']])
  budget.hold(b, 70)
  expect([budget.bytes, gone]).toEqual([41, ['b']])
  budget.hold(a, 0)
  budget.hold(c, 0)
  expect(budget.bytes).toBe(0)
})
