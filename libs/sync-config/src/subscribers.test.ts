import { expect, it, vi } from 'vitest'
import type { ConfigChange } from './config-change.ts'
import { Subscribers } from './subscribers.ts'

function change(key: string, value: number): ConfigChange {
  return { key, value, previous: value - 1, revision: value, author: '', origin: '' }
}

it('joins the changes of a key that a slow callback has waiting, the newest last', async () => {
  const subscribers = new Subscribers(() => undefined)
  const gate = Promise.withResolvers<void>()
  const seen: ConfigChange[] = []
  subscribers.add(async (_key, _value, change) => {
    seen.push(change)
    await gate.promise
  }, '')
  subscribers.publish([change('first', 1)])
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  for (let n = 2; n <= 30_000; n++) subscribers.publish([change(n % 2 === 0 ? 'even' : 'odd', n)])
  gate.resolve()
  await vi.waitFor(() => expect(seen.slice(-2).map(({ revision }) => revision)).toEqual([29_999, 30_000]))
  expect(seen.length).toBeLessThan(10_002)
  // What was left out is in the previous value of the next.
  expect(seen.find(({ key }) => key === 'even')?.previous).toBe(1)
  expect(seen.find(({ key }) => key === 'odd')?.previous).toBe(2)
})
