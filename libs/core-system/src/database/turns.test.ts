import { expect, it } from 'vitest'
import { Turns } from './turns.ts'

const { signal } = new AbortController()

/** What has happened when everything that can go on has done so. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

it('no more than so many have a turn, and those who wait get theirs in order', async () => {
  const turns = new Turns(2)
  const order: number[] = []
  const taken = [0, 1, 2, 3].map(async (number) => {
    const turn = await turns.take(signal)
    order.push(number)
    return turn
  })
  await settled()
  expect(order).toEqual([0, 1])
  const first = await taken[0]
  first?.[Symbol.dispose]()
  await settled()
  expect(order).toEqual([0, 1, 2])
})

it('who does not wait any more leaves the turn to the next one', async () => {
  const turns = new Turns(1)
  const first = await turns.take(signal)
  const leaving = new AbortController()
  const left = turns.take(leaving.signal)
  const next = turns.take(signal)
  leaving.abort(new Error('left'))
  await expect(left).rejects.toThrow('left')
  await expect(turns.take(leaving.signal)).rejects.toThrow('left')
  first[Symbol.dispose]()
  await next
})
