import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually, openStore, recordChanges, type TestStore } from './_store.ts'

let store: TestStore

beforeEach(async () => {
  store = await openStore()
})

afterEach(() => store[Symbol.asyncDispose]())

it('are called once a change and instance, with the same value and revision', async () => {
  const [one, two] = [await store.open(), await store.open()]
  const changes = [recordChanges(one), recordChanges(two)]
  await one.set('k', { n: 1 })
  await two.sync()
  await eventually(() => expect(changes[1]).toHaveLength(1))
  expect(changes[0]).toStrictEqual(changes[1])
  expect(changes[0]).toHaveLength(1)
})

it('see every value of a key in order, also while they are slow', async () => {
  const [one, two] = [await store.open(), await store.open()]
  const seen: unknown[] = []
  let running = 0
  two.subscribe(async (_key, value) => {
    expect(++running).toBe(1)
    await new Promise(setImmediate)
    seen.push(value)
    running--
  })
  for (let n = 1; n <= 100; n++) await one.set('k', n)
  await eventually(() => expect(seen).toHaveLength(100))
  expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
})

it('do not disturb each other, nor the instance', async () => {
  const one = await store.open()
  one.subscribe(() => {
    throw new Error('thrown')
  })
  one.subscribe(() => Promise.reject(new Error('rejected')))
  one.subscribe(() => new Promise(() => undefined))
  const changes = recordChanges(one)
  await one.set('a', 1)
  await one.set('b', 1)
  await eventually(() => expect(one.counters.callbackErrors).toBe(4))
  expect(changes.map(({ key }) => key)).toEqual(['a', 'b'])
  expect(store.problems.map(({ kind, error }) => [kind, String(error)])).toContainEqual(['callback', 'Error: rejected'])
})

it('are not called for what was there, nor after unsubscribe', async () => {
  const one = await store.open()
  await one.set('a', 1)
  const seen: unknown[] = []
  const id = one.subscribe((key) => void seen.push(key))
  await one.set('b', 1)
  await eventually(() => expect(seen).toEqual(['b']))
  one.unsubscribe(id)
  one.unsubscribe(id)
  one.unsubscribe('never')
  const after = recordChanges(one)
  await one.set('c', 1)
  await eventually(() => expect(after).toHaveLength(1))
  expect(seen).toEqual(['b'])
})

it('get only keys of their prefix', async () => {
  const one = await store.open()
  const changes = recordChanges(one, { prefix: 'feature:' })
  const all = recordChanges(one)
  await one.commit(['feature:a', 'features', 'feature', 'limit:a', 'feature:b'].map((key) => ({ key, value: true })))
  await eventually(() => expect(all).toHaveLength(5))
  expect(changes.map(({ key }) => key)).toEqual(['feature:a', 'feature:b'])
})

it('tell a deletion from null', async () => {
  const one = await store.open()
  const changes = recordChanges(one)
  await one.set('maintenance_mode', true)
  await one.set('maintenance_mode', null)
  await one.delete('maintenance_mode')
  await eventually(() =>
    expect(changes.map(({ value, previous }) => [value, previous])).toEqual([
      [true, undefined],
      [null, true],
      [undefined, null],
    ]),
  )
})

it('find all keys of a revision in the cache', async () => {
  const [one, two] = [await store.open(), await store.open()]
  const seen: unknown[] = []
  two.subscribe((key) => void seen.push([key, two.getInt('a', 0) === two.getInt('b', 0)]))
  for (let n = 1; n <= 20; n++) {
    await one.commit([
      { key: 'a', value: n },
      { key: 'b', value: n },
    ])
  }
  await eventually(() => expect(seen).toHaveLength(40))
  expect(seen.every((entry) => (entry as [string, boolean])[1])).toBe(true)
})

it('and getters go on although whoever is told of problems fails', async () => {
  const told: string[] = []
  const one = await store.open({
    address: `${store.address}?application_name=${store.schema}`,
    reconnectIntervalMs: 100,
    onProblem: ({ kind }) => {
      told.push(kind)
      throw new Error('the reporter fails')
    },
  })
  one.subscribe(() => {
    throw new Error('the callback fails')
  })
  const changes = recordChanges(one)
  await one.set('k', 'text')
  expect(one.getInt('k', 7)).toBe(7)
  await store.sql('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [store.schema])
  await eventually(() => expect(one.counters.reconnects).toBeGreaterThan(0))
  await eventually(() => expect(one.health().connected).toBe(true))
  await one.set('k', 'again')
  await eventually(() => expect(changes.map(({ value }) => value)).toEqual(['text', 'again']))
  expect(new Set(told)).toEqual(new Set(['type', 'callback', 'connection']))
})
