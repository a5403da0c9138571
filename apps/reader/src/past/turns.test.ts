import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

const patient = { signal: new AbortController().signal }

test('no more than so many work at a time, in the order in which they came', async () => {
  const turns = new Turns(2)
  const done: number[] = []
  let working = 0
  let most = 0
  const all = Array.from({ length: 9 }, (_, index) =>
    turns.run(patient, async () => {
      most = Math.max(most, ++working)
      await Promise.resolve()
      working--
      done.push(index)
    }),
  )
  await Promise.all(all)
  expect(most).toBe(2)
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('who gives up while waiting leaves its turn to the others', async () => {
  const turns = new Turns(1)
  const first = Promise.withResolvers<void>()
  const running = turns.run(patient, () => first.promise)
  const leaving = new AbortController()
  const left = turns.run({ signal: leaving.signal }, async () => 'never')
  const next = turns.run(patient, async () => 'next')
  leaving.abort()
  await expect(left).rejects.toMatchObject({ code: 'deadline_exceeded' })
  first.resolve()
  await running
  expect(await next).toBe('next')
})

test('who gives up in the moment of its turn hands it on', async () => {
  const turns = new Turns(1)
  const first = Promise.withResolvers<void>()
  const running = turns.run(patient, () => first.promise)
  const leaving = new AbortController()
  const left = turns.run({ signal: leaving.signal }, async () => 'never')
  const next = turns.run(patient, async () => 'next')
  first.resolve()
  leaving.abort()
  await Promise.allSettled([running, left])
  expect(await next).toBe('next')
})

test('work that fails gives its turn back', async () => {
  const turns = new Turns(1)
  await expect(turns.run(patient, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await turns.run(patient, async () => 'next')).toBe('next')
})

test('no more than a thousand wait', async () => {
  const turns = new Turns(1)
  const first = Promise.withResolvers<void>()
  const running = turns.run(patient, () => first.promise)
  const waiting = Array.from({ length: 1_000 }, () => turns.run(patient, async () => 'done'))
  await expect(turns.run(patient, async () => 'never')).rejects.toMatchObject({ code: 'overloaded' })
  first.resolve()
  await Promise.all([running, ...waiting])
  expect(await turns.run(patient, async () => 'next')).toBe('next')
})
