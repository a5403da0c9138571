import { expect, it, vi } from 'vitest'
import { connectTo, serviceError } from './_scripted.ts'

it('reads name the configuration that their revision belongs to, the newest that this client wrote to', async () => {
  const asked: unknown[] = []
  const written = [
    { configRevision: 7n, configId: 'first' },
    { configRevision: 2n, configId: 'second' },
  ]
  await using q = await connectTo({
    commit: {
      commitMany: () => ({
        outcomes: [{ outcome: { case: 'response', value: { revision: 1n, results: written.splice(0, 1) } } }],
      }),
    },
    config: {
      getConfig: ({ key, atLeastRevision, configId }) => {
        asked.push([atLeastRevision, configId])
        return { entry: { key, value: '1' } }
      },
    },
  })
  await q.config.set('a', 1)
  await q.config.get('a')
  await q.config.set('a', 1)
  await q.config.get('a')
  expect(asked).toEqual([
    [7n, 'first'],
    [2n, 'second'],
  ])
})

it('a map has the values of a configuration that replaced its own, whatever their revisions', async () => {
  const entry = (key: string, value: number, configRevision: bigint) => ({
    key: `m:${key}`,
    value: `${value}`,
    configRevision,
  })
  const configurations = [
    { id: 'first', revision: 7n, entries: [entry('other', 1, 5n), entry('same', 1, 6n), entry('gone', 1, 7n)] },
    { id: 'second', revision: 6n, entries: [entry('other', 2, 5n), entry('same', 1, 2n)] },
  ]
  const asked: string[] = []
  const replaced = Promise.withResolvers<void>()
  await using q = await connectTo({
    config: {
      watchConfig: async function* ({ configId }, { signal }) {
        asked.push(configId)
        const present = configurations.shift()
        if (present === undefined) throw serviceError('internal')
        const { id, revision, entries } = present
        yield { event: { case: 'entries', value: { entries } } }
        yield { event: { case: 'live', value: { configRevision: revision, configId: id } } }
        if (id === 'first') {
          await replaced.promise
          throw serviceError('log_replaced')
        }
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    },
  })
  await using map = await q.config.map<number>('m')
  const told: unknown[] = []
  map.subscribe(({ key, value, previous }) => void told.push([key, value, previous]))
  replaced.resolve()
  await vi.waitFor(() => expect(map.revision).toBe(6), { timeout: 10_000 })
  expect(asked).toEqual(['', 'first'])
  expect(map.entries()).toEqual([
    ['other', 2],
    ['same', 1],
  ])
  expect([map.revisionOf('other'), map.revisionOf('same')]).toEqual([5, 2])
  expect(told).toEqual([
    ['gone', undefined, 1],
    ['other', 2, 1],
  ])
})
