import { describe, expect, it } from 'vitest'
import { QueueBudget, type BudgetedQueue } from './queue-budget.ts'

function queueOf(budget: QueueBudget, name: string, overrun: string[]): BudgetedQueue {
  const queue: BudgetedQueue = {
    overrun: () => {
      overrun.push(name)
      budget.hold(queue, 0)
    },
  }
  return queue
}

describe('a budget of queues', () => {
  it('lets the longest go when all together are too long, and only that', () => {
    const budget = new QueueBudget(100)
    const overrun: string[] = []
    const [small, large, next] = ['small', 'large', 'next'].map((name) => queueOf(budget, name, overrun))
    if (small === undefined || large === undefined || next === undefined) throw new Error('there are three')
    budget.hold(small, 20)
    budget.hold(large, 70)
    expect(overrun).toEqual([])
    budget.hold(next, 30)
    expect(overrun).toEqual(['large'])
    expect(budget.bytes).toBe(50)
  })

  it('counts what a queue holds now, not what it held', () => {
    const budget = new QueueBudget(100)
    const overrun: string[] = []
    const queue = queueOf(budget, 'queue', overrun)
    for (let round = 0; round < 10; round += 1) {
      budget.hold(queue, 90)
      budget.hold(queue, 10)
    }
    budget.hold(queue, 0)
    expect([budget.bytes, overrun]).toEqual([0, []])
  })
})
