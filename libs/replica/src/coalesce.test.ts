import { expect, test, vi } from 'vitest'
import { coalesce } from './coalesce.ts'

function createRuns(): { ask: () => Promise<number>; runs: PromiseWithResolvers<number>[] } {
  const runs: PromiseWithResolvers<number>[] = []
  const ask = coalesce(() => {
    const run = Promise.withResolvers<number>()
    runs.push(run)
    return run.promise
  })
  return { ask, runs }
}

test('those who ask while it runs share one run, which begins after they asked', async () => {
  const { ask, runs } = createRuns()
  const first = ask()
  const later = [ask(), ask(), ask()]
  expect(runs).toHaveLength(1)
  runs[0]?.resolve(1)
  expect(await first).toBe(1)
  await vi.waitFor(() => expect(runs).toHaveLength(2))
  runs[1]?.resolve(2)
  expect(await Promise.all(later)).toEqual([2, 2, 2])
})

test('a run that fails fails for those who asked for it only', async () => {
  const { ask, runs } = createRuns()
  const first = expect(ask()).rejects.toThrow('a fault')
  const second = ask()
  runs[0]?.reject(new Error('a fault'))
  await first
  await vi.waitFor(() => expect(runs).toHaveLength(2))
  runs[1]?.resolve(2)
  expect(await second).toBe(2)
})

test('after a run ended the next one begins at once', async () => {
  const { ask, runs } = createRuns()
  const first = ask()
  runs[0]?.resolve(1)
  await first
  void ask()
  expect(runs).toHaveLength(2)
})
