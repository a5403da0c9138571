import { describe, expect, it } from 'vitest'
import { Turns } from './turns.ts'

/** Actions that end when a test says so, and when they began. */
function actions(turns: Turns) {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const take = (turn: 'change' | 'read' | 'free', name: string): Promise<void> =>
    turns.take(turn, () => {
      begun.push(name)
      return new Promise((resolve) => ends.set(name, resolve))
    })
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.()
    await new Promise(setImmediate)
  }
  return { begun, take, end }
}

describe('the turns of a connection', () => {
  it('let reads go together, and changes alone', async () => {
    const { begun, take, end } = actions(new Turns())
    void take('read', 'r1')
    void take('read', 'r2')
    void take('change', 'c1')
    void take('read', 'r3')
    void take('change', 'c2')
    await end('')
    expect(begun).toEqual(['r1', 'r2'])
    await end('r1')
    expect(begun).toEqual(['r1', 'r2'])
    await end('r2')
    expect(begun).toEqual(['r1', 'r2', 'c1'])
    await end('c1')
    expect(begun).toEqual(['r1', 'r2', 'c1', 'r3'])
    await end('r3')
    expect(begun).toEqual(['r1', 'r2', 'c1', 'r3', 'c2'])
  })

  it('go on after one that failed, and do not hold up what is free', async () => {
    const turns = new Turns()
    const { begun, take } = actions(turns)
    const failing = turns.take('change', () => Promise.reject(new Error('it failed')))
    void take('change', 'c')
    void take('free', 'f')
    await expect(failing).rejects.toThrow('it failed')
    await new Promise(setImmediate)
    expect(begun).toEqual(['f', 'c'])
  })
})
