import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Gatherer } from './gatherer.ts'

it('asks at once, and then for all that came while it asked and in the moment after', async () => {
  const asked: (readonly number[])[] = []
  const statement = Promise.withResolvers<void>()
  const gatherer = new Gatherer<number, string>(async (items) => {
    asked.push(items)
    await statement.promise
    return items.map(String)
  }, 10)
  const first = [gatherer.add(1), gatherer.add(2)]
  await nextTurn()
  expect(asked).toEqual([[1, 2]])
  const second = gatherer.add(3)
  statement.resolve()
  expect(await Promise.all(first)).toEqual(['1', '2'])
  expect(await Promise.all([second, gatherer.add(4)])).toEqual(['3', '4'])
  expect(asked).toEqual([
    [1, 2],
    [3, 4],
  ])
})

it('asks for no more than may be asked for at once, and tells each of its own failure', async () => {
  const gatherer = new Gatherer<number, number>(async (items) => {
    if (items.includes(3)) throw new Error('no statement')
    return items.slice(0, 1)
  }, 2)
  const told = await Promise.allSettled([1, 2, 3].map((item) => gatherer.add(item)))
  expect(told.map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as Error).message))).toEqual([
    1,
    'a statement has too few results',
    'no statement',
  ])
})
