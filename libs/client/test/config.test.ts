import { openSyncConfig, platformTable, type SyncConfig } from '@qcore/sync-config'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { commit, connect, type Client, type ConfigChange, type JsonValue, type SyncMapChange } from '../src/index.ts'
import { spawnService, startStore, type TestStore } from './_store.ts'

let store: TestStore
let q: Client
let instance: SyncConfig

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader', 'notifier', 'gateway'])
  q = await connect({ servers: inject('natsUrl'), store: store.name, token: await store.mint() })
  instance = await openSyncConfig({
    address: inject('postgresUrl'),
    schema: store.name,
    tableName: platformTable,
    instanceId: 'library',
  })
}, 30_000)

afterAll(async () => {
  await q.close()
  await instance.shutdown()
  await store[Symbol.asyncDispose]()
})

async function eventually(assertion: () => void): Promise<void> {
  await vi.waitFor(assertion, { timeout: 10_000, interval: 5 })
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const each of items) found.push(each)
  return found
}

const isNumber = (value: JsonValue): value is number => typeof value === 'number'

describe('a key', () => {
  it.each<[string, JsonValue]>([
    ['an object', { b: 1, a: [true, null, 'x'] }],
    ['a big integer', 12345678901234567890n],
    ['null', null],
    ['an empty text', ''],
    ['a fraction', 0.1],
  ])('holds %s as it was set, as soon as it is set', async (_, value) => {
    const { revision } = await q.config.set('held', value)
    expect(await q.config.get('held')).toEqual(value)
    expect(await q.config.getEntry('held')).toEqual({
      key: 'held',
      value,
      revision,
      configId: expect.any(String) as string,
      expiresAt: undefined,
    })
  })

  it('that is not there is an error, or the default', async () => {
    await expect(q.config.get('nowhere')).rejects.toMatchObject({ code: 'unknown_key', field: 'key' })
    expect(await q.config.find('nowhere', 5)).toBe(5)
  })

  it('is set under a condition, with a time to live, and deleted', async () => {
    const first = await q.config.set('cas', 1, { ifRevision: 0 })
    expect(first).toMatchObject({ changed: true, existed: false })
    await expect(q.config.set('cas', 2, { ifRevision: 0 })).rejects.toMatchObject({ code: 'condition_failed' })
    const second = await q.config.set('cas', 1)
    expect(second).toEqual({ ...first, changed: false, existed: true, storeRevision: second.storeRevision })
    await q.config.set('cas', 2, { ifRevision: first.revision, ttlMs: 3_600_000 })
    const { expiresAt, revision: ifRevision, configId: ifConfigId } = await q.config.getEntry('cas')
    expect(expiresAt).toBeDefined()
    const ofFormer = q.config.set('cas', 3, { ifRevision, ifConfigId: 'former' })
    await expect(ofFormer).rejects.toMatchObject({ code: 'condition_failed' })
    await q.config.set('cas', 3, { ifRevision, ifConfigId })
    expect(await q.config.delete('cas')).toMatchObject({ changed: true, existed: true })
    expect(await q.config.delete('cas')).toMatchObject({ changed: false, existed: false, revision: 0 })
  })

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'type_mismatch'],
    ['what is within itself', NaN, 'type_mismatch'],
    ['a date', { at: new Date() }, 'type_mismatch'],
  ])('is not set to %s', async (_, value, code) => {
    await expect(q.config.set('wrong', value as JsonValue)).rejects.toMatchObject({ code })
  })

  it('is set in one commit with other changes', async () => {
    const root = await q.root()
    const { revision, results } = await q.commit(
      commit().create('Folder', { name: 'With', parent: root }).putConfig('with:a', 1).deleteConfig('with:b'),
    )
    expect(results.map(({ changed, config }) => [changed, config?.existed])).toEqual([
      [true, undefined],
      [true, false],
      [false, undefined],
    ])
    const commits = []
    for await (const each of q.commits({ limit: 1 })) commits.push(each)
    expect(commits[0]?.changes.map(({ kind }) => kind)).toEqual(['create', 'put_config'])
    const [past] = await all(q.config.history({ key: 'with:a' }))
    expect(past).toMatchObject({ key: 'with:a', value: 1, author: 'tester', storeRevision: revision })
  })
})

describe('a list and a history', () => {
  it('come whole, and lead back', async () => {
    const keys = Array.from({ length: 205 }, (_, index) => `many:${String(index).padStart(3, '0')}`)
    for (let at = 0; at < keys.length; at += 50) {
      const changes = commit()
      for (const key of keys.slice(at, at + 50)) changes.putConfig(key, 1)
      await q.commit(changes)
    }
    const { revision } = await q.config.set('mark', 1)
    const found = await all(q.config.list('many:'))
    expect(found.map(({ key }) => key)).toEqual(keys)
    await q.config.set('many:000', 2)
    await q.config.delete('many:001')
    const history = await all(q.config.history({ prefix: 'many:', limit: 3 }))
    expect(history.map(({ key, value, previous }) => [key, value, previous])).toMatchObject([
      ['many:001', undefined, 1],
      ['many:000', 2, 1],
      [expect.any(String), 1, undefined],
    ])
    const whole = await all(q.config.history({ prefix: 'many:' }))
    expect(whole).toHaveLength(207)
    const back = await q.config.rollback(revision, { prefix: 'many:' })
    expect(back.keys.toSorted()).toEqual(['many:000', 'many:001'])
    expect(await q.config.get('many:001')).toBe(1)
  })
})

describe('a watch', () => {
  it('tells of every revision once, in order, over the death of its notifier', async () => {
    await using other = spawnService('notifier', { ...store.env, Q_INSTANCE_ID: 'other' })
    await vi.waitFor(
      async () => {
        const { instances } = await q.config.status()
        expect(instances.map(({ instanceId }) => instanceId)).toContain('notifier other')
      },
      { timeout: 30_000 },
    )
    const watches = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const seen: unknown[] = []
        const revisions: number[] = []
        const subscription = await q.config.watch(
          (changes, revision) => {
            revisions.push(revision)
            seen.push(...changes.map(({ value }) => value))
          },
          { prefix: 'told' },
        )
        return { seen, revisions, subscription }
      }),
    )
    const numbers = Array.from({ length: 100 }, (_, index) => index)
    for (const n of numbers) {
      await q.config.set('told', n)
      if (n === 40) await other.kill()
    }
    for (const { seen, revisions, subscription } of watches) {
      await vi.waitFor(() => expect(seen).toEqual(numbers), { timeout: 30_000 })
      expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
      await subscription.close()
    }
  }, 90_000)

  it('goes on where another one ended', async () => {
    const seen: ConfigChange[] = []
    const first = await q.config.watch((changes) => void seen.push(...changes), { prefix: 'on' })
    await q.config.set('on', 1)
    await eventually(() => expect(seen).toHaveLength(1))
    await first.close()
    await q.config.set('on', 2)
    await q.config.set('on', 3)
    await using _second = await q.config.watch((changes) => void seen.push(...changes), {
      prefix: 'on',
      from: first.point,
    })
    await eventually(() => expect(seen.map(({ value }) => value)).toEqual([1, 2, 3]))
  })

  it('that cannot go on says so', async () => {
    const from = { revision: 1, configId: 'another' }
    await expect(q.config.watch(() => undefined, { from })).rejects.toMatchObject({ code: 'log_replaced' })
  })

  it('ends with what its callback throws', async () => {
    const subscription = await q.config.watch(
      () => {
        throw new Error('mine')
      },
      { prefix: 'thrown' },
    )
    await q.config.set('thrown', 1)
    await expect(subscription.ended).rejects.toThrow('mine')
  })
})

describe('a map', () => {
  it('has what is there, what is set through it at once, and what others set', async () => {
    await q.config.set('limits:a', 1)
    await using limits = await q.config.map('limits', { accepts: isNumber })
    expect(limits.get('a')).toBe(1)
    const changes: SyncMapChange<number>[] = []
    limits.subscribe((change) => changes.push(change))
    const { revision } = await limits.set('b', 2)
    expect([limits.get('b'), limits.revisionOf('b')]).toEqual([2, revision])
    await instance.set('limits:c', 3)
    await eventually(() =>
      expect(limits.entries()).toEqual([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ]),
    )
    await limits.delete('a')
    expect([limits.has('a'), limits.keys(), limits.values(), limits.size]).toEqual([false, ['b', 'c'], [2, 3], 2])
    expect(changes.map(({ key, value, previous }) => [key, value, previous])).toEqual([
      ['b', 2, undefined],
      ['c', 3, undefined],
      ['a', undefined, 1],
    ])
    await expect(limits.set('b', 9, { ifRevision: 1 })).rejects.toMatchObject({ code: 'condition_failed' })
  })

  it('has no keys of another map, however they begin', async () => {
    await using one = await q.config.map('iso')
    await using other = await q.config.map('iso:b')
    await one.set('x', 1)
    await other.set('x', 2)
    expect([one.entries(), other.entries()]).toEqual([[['x', 1]], [['x', 2]]])
    await expect(one.set('b:x', 3)).rejects.toMatchObject({ code: 'invalid_request', field: 'key' })
  })

  it('leaves out what is of another type, and says so', async () => {
    const wrong: unknown[] = []
    const onWrongType = (key: string, value: JsonValue): void => void wrong.push([key, value])
    await using map = await q.config.map('typed', { accepts: isNumber, onWrongType })
    await map.set('a', 1)
    await q.config.set('typed:a', 'x')
    await eventually(() => expect(map.has('a')).toBe(false))
    expect(wrong).toEqual([['a', 'x']])
    await q.config.set('typed:a', 2)
    await eventually(() => expect(map.get('a')).toBe(2))
  })

  it('finds what changed while its history was cut off', async () => {
    await using map = await q.config.map('cut', { accepts: isNumber })
    await map.set('gone', 1)
    await map.set('stays', 1)
    const told: unknown[] = []
    map.subscribe(({ key, value }) => void told.push([key, value]))
    await map.close()
    await q.config.delete('cut:gone')
    await q.config.set('cut:new', 2)
    await using later = await q.config.map('cut', { accepts: isNumber })
    expect(later.entries()).toEqual([
      ['new', 2],
      ['stays', 1],
    ])
    // A map that was closed stays as it was.
    expect(map.entries()).toEqual([
      ['gone', 1],
      ['stays', 1],
    ])
    expect(told).toEqual([])
  })
})

it('the status shows the instances', async () => {
  await instance.sync()
  const digest = instance.getDigest()
  await vi.waitFor(
    async () => {
      const { instances, digest: ofTable } = await q.config.status()
      const library = instances.find(({ instanceId }) => instanceId === 'library')
      expect(library).toMatchObject({ digest, inSync: true, lag: 0, entries: instance.health().count })
      expect(ofTable).toBe(digest)
    },
    { timeout: 10_000 },
  )
})

it('all of it works over HTTP', async () => {
  await using http = await connect({ url: store.url, token: await store.mint() })
  await using map = await http.config.map('http')
  await map.set('a', { x: 1n })
  expect(map.get('a')).toEqual({ x: 1 })
  expect(await http.config.get('http:a')).toEqual({ x: 1 })
})

it('a token of some keys has these alone', async () => {
  const token = await store.mint({ subject: 'bob', level: 'write', scopes: ['config:bob:'] })
  await using bob = await connect({ servers: inject('natsUrl'), store: store.name, token })
  await bob.config.set('bob:a', 1)
  await expect(bob.config.set('eve:a', 1)).rejects.toMatchObject({ code: 'permission_denied' })
  expect(await all(bob.config.list())).toHaveLength(1)
})
