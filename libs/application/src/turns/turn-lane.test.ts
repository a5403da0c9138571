import { setImmediate as nextRound } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { TurnLane } from './turn-lane.ts'

function lane(overrides: Partial<ConstructorParameters<typeof TurnLane>[0]> = {}) {
  const nothing = (): void => {}
  return new TurnLane({
    slowTurnMs: 1_000,
    beforeTurn: nothing,
    onSlow: nothing,
    onFailure: nothing,
    onTurn: nothing,
    ...overrides,
  })
}

describe('the turns of a worker', () => {
  it('come in the order in which they were enqueued, one at a time', async () => {
    const turns = lane()
    const steps: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) {
      turns.enqueue(async () => {
        steps.push(`${name} begins`)
        await nextRound()
        if (name === 'a') turns.enqueue(() => void steps.push('e'))
        steps.push(`${name} ends`)
      })
    }
    steps.push('enqueued')
    await turns.drained()
    expect(steps).toEqual([
      'enqueued',
      ...['a', 'b', 'c', 'd'].flatMap((name) => [`${name} begins`, `${name} ends`]),
      'e',
    ])
  })

  it('leave room for others, however many a worker enqueues for itself', async () => {
    const busy = lane()
    let rounds = 0
    let isOver = false
    const again = (): void => {
      rounds += 1
      if (!isOver) busy.enqueue(again)
    }
    busy.enqueue(again)
    const other = lane()
    await new Promise<void>((resolve) => other.enqueue(() => other.enqueue(resolve)))
    isOver = true
    await busy.drained()
    expect(rounds).toBeLessThan(20)
  })

  it('go on after one that throws or rejects', async () => {
    const failures: string[] = []
    const turns = lane({ onFailure: (error) => void failures.push((error as Error).message) })
    let isDone = false
    turns.enqueue(() => {
      throw new Error('thrown')
    })
    turns.enqueue(() => Promise.reject(new Error('rejected')))
    turns.enqueue(() => void (isDone = true))
    await turns.drained()
    expect([failures, isDone]).toEqual([['thrown', 'rejected'], true])
  })

  it('are each begun by bringing up to date what they rely on', async () => {
    const steps: string[] = []
    const turns = lane({ beforeTurn: () => void steps.push('before') })
    turns.enqueue(() => void steps.push('one'))
    turns.enqueue(() => void steps.push('two'))
    await turns.drained()
    expect(steps).toEqual(['before', 'one', 'before', 'two'])
  })

  it('are reported as slow while they wait, and after they blocked the process, once each', async () => {
    const reports: string[] = []
    const reported = Promise.withResolvers<void>()
    let turn = ''
    const turns = lane({
      slowTurnMs: 20,
      onSlow: () => {
        reports.push(turn)
        reported.resolve()
      },
    })
    turns.enqueue(async () => {
      turn = 'waits'
      await reported.promise
      turn = 'ends'
    })
    turns.enqueue(() => {
      turn = 'blocks'
      const endMs = performance.now() + 30
      while (performance.now() < endMs);
    })
    turns.enqueue(() => void (turn = 'quick'))
    await turns.drained()
    expect(reports).toEqual(['waits', 'blocks'])
  })

  it('are bounded in number, and none is taken at the end', () => {
    const turns = lane()
    for (let count = 0; count < 10_000; count += 1) turns.enqueue(() => {})
    expect(() => turns.enqueue(() => {})).toThrow(expect.objectContaining({ code: 'overloaded' }))
    turns.close()
    expect(() => turns.enqueue(() => {})).toThrow(expect.objectContaining({ code: 'canceled' }))
  })
})
