import { randomBytes } from 'node:crypto'
import { openFaultProxy } from '@qcore/fault-proxy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually, openStore, recordChanges, type TestStore } from './_store.ts'

let store: TestStore

beforeEach(async () => {
  store = await openStore()
})

afterEach(() => store[Symbol.asyncDispose]())

describe('the history', () => {
  it('tells what was changed, by whom and when', async () => {
    const one = await store.open({ author: 'ada' })
    await one.set('a', 1)
    await one.set('b', 1, { author: 'bob' })
    await one.set('a', { n: 2n ** 60n })
    await one.delete('a', { author: 'bob' })
    const entries = await one.history('a')
    expect(entries).toMatchObject([
      { key: 'a', revision: 4, value: undefined, previous: { n: 2n ** 60n }, author: 'bob', origin: one.instanceId },
      { key: 'a', revision: 3, value: { n: 2n ** 60n }, previous: 1, author: 'ada' },
      { key: 'a', revision: 1, value: 1, previous: undefined, author: 'ada' },
    ])
    expect(Math.abs(Date.now() - (entries[0]?.changedAt.getTime() ?? 0))).toBeLessThan(60_000)
    expect((await one.history(undefined, { limit: 2, before: 4 })).map(({ key, revision }) => [key, revision])).toEqual(
      [
        ['a', 3],
        ['b', 2],
      ],
    )
    await expect(one.history('a', { limit: 0 })).rejects.toMatchObject({ code: 'invalid_request', field: 'limit' })
  })

  it('is cut after its time however much was changed', async () => {
    const one = await store.open()
    for (const value of [1, 2, 3]) {
      await one.commit(Array.from({ length: 6_000 }, (_, index) => ({ key: `k${index}`, value })))
    }
    await store.sql(`update ${store.table}_change set changed_at = now() - interval '2 days'`)
    await store.open({ historyMs: 86_400_000, heartbeatIntervalMs: 100 })
    await eventually(async () => expect(await store.sql(`select from ${store.table}_change limit 1`)).toEqual([]))
  })

  it('is cut after its time, and instances go on without it', async () => {
    const one = await store.open({ historyMs: 0, heartbeatIntervalMs: 100 })
    await one.set('a', 1)
    await eventually(async () => expect(await one.history()).toEqual([]))
    const two = await store.open()
    await one.set('a', 2)
    await eventually(() => expect(two.get('a')).toBe(2))
    expect([one.counters.reloads, two.counters.reloads]).toEqual([0, 0])
    await expect(one.rollback(0)).rejects.toMatchObject({ code: 'compacted' })
  })
})

it('changes come in pages of bounded size, which end with a revision', async () => {
  const one = await store.open()
  const incompressible = (): string => randomBytes(60_000).toString('base64')
  const keys = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const key of keys) {
    await one.commit([
      { key: `${key}:1`, value: incompressible() },
      { key: `${key}:2`, value: incompressible() },
    ])
  }
  const pages: string[][] = []
  for (let after = 0; after < one.revision;) {
    const { changes, until } = await one.changesAfter(after)
    pages.push(changes.map(({ key }) => key))
    expect(changes.at(-1)?.revision).toBe(until)
    after = until
  }
  expect(pages).toEqual([
    ['a:1', 'a:2', 'b:1', 'b:2'],
    ['c:1', 'c:2', 'd:1', 'd:2'],
    ['e:1', 'e:2', 'f:1', 'f:2'],
  ])
})

describe('a rollback', () => {
  it('gives all keys what they had at a revision, as a new one', async () => {
    const one = await store.open()
    const two = await store.open()
    await one.commit([
      { key: 'kept', value: 1 },
      { key: 'changed', value: 1 },
      { key: 'deleted', value: [1] },
    ])
    const { revision } = one
    await one.set('changed', 2)
    await one.set('changed', 3)
    await one.delete('deleted')
    await one.set('added', 1)
    await eventually(() => expect(two.revision).toBe(one.revision))
    const changes = recordChanges(two)
    await expect(one.rollback(revision, { author: 'ada' })).resolves.toHaveLength(3)
    expect(one.getAll()).toEqual({ kept: 1, changed: 1, deleted: [1] })
    await eventually(() => expect(changes.map(({ key }) => key)).toEqual(['added', 'changed', 'deleted']))
    expect(changes.map(({ revision, author }) => [revision, author])).toEqual(changes.map(() => [revision + 5, 'ada']))
    expect(two.getAll()).toEqual(one.getAll())
  })

  it('may be of one key', async () => {
    const one = await store.open()
    await one.commit([
      { key: 'a', value: 1 },
      { key: 'b', value: 1 },
    ])
    await one.commit([
      { key: 'a', value: 2 },
      { key: 'b', value: 2 },
    ])
    await one.rollback(1, { key: 'a' })
    expect(one.getAll()).toEqual({ a: 1, b: 2 })
    await expect(one.rollback(one.revision)).resolves.toEqual([])
    await one.rollback(0, { key: 'b' })
    expect(one.getAll()).toEqual({ a: 1 })
  })

  it('is refused for what has not been', async () => {
    const one = await store.open()
    await expect(one.rollback(1)).rejects.toMatchObject({ code: 'future_revision', field: 'revision' })
    await expect(one.rollback(Number.NaN)).rejects.toMatchObject({ code: 'future_revision' })
  })
})

describe('expiry', () => {
  it('deletes the key on every instance, once', async () => {
    const [one, two] = [await store.open(), await store.open()]
    await one.set('k', 1, { ttlMs: 400 })
    await eventually(() => expect(two.get('k')).toBe(1))
    expect(two.getEntry('k')?.expiresAt?.getTime()).toBe(one.getEntry('k')?.expiresAt?.getTime())
    const changes = [recordChanges(one), recordChanges(two)]
    await eventually(() => expect([one.has('k'), two.has('k')]).toEqual([false, false]))
    await eventually(() =>
      expect(changes).toMatchObject([1, 2].map(() => [{ key: 'k', value: undefined, previous: 1, author: 'expiry' }])),
    )
    expect(await store.sql(`select key from ${store.table}`)).toEqual([])
    expect(await one.history('k')).toHaveLength(2)
  })

  it('is taken away by a set without it, and moved by one with it', async () => {
    const one = await store.open()
    const changes = recordChanges(one)
    await one.set('k', 1, { ttlMs: 300 })
    await one.set('moved', 1, { ttlMs: 300 })
    await expect(one.set('k', 1)).resolves.toMatchObject({ changed: true })
    await one.set('moved', 1, { ttlMs: 60_000 })
    await one.set('probe', 1, { ttlMs: 400 })
    await eventually(() => expect(one.has('probe')).toBe(false))
    expect([one.has('k'), one.has('moved')]).toEqual([true, true])
    // The value did not change.
    await eventually(() => expect(changes.map(({ key }) => key)).toEqual(['k', 'moved', 'probe', 'probe']))
  })

  it('counts as deletion before anybody deletes the row', async () => {
    await using proxy = await openFaultProxy(store.address)
    const one = await store.open({ address: proxy.url, reconnectIntervalMs: 100 })
    await one.set('k', 1, { ttlMs: 300 })
    proxy.cut()
    await eventually(() => expect(one.has('k')).toBe(false))
    expect([one.getInt('k', 7), one.getAll(), one.keys()]).toEqual([7, {}, []])
    const [created] = await store.sql(
      `select * from ${store.schema}.sync_config_commit('[{"key": "k", "value": 2, "ifRevision": 0}]', '', '')`,
    )
    expect(created).toMatchObject({ changed: true, existed: false })
    proxy.restore()
    await eventually(() => expect(one.get('k')).toBe(2))
  })

  it('may be set by plain SQL', async () => {
    const one = await store.open()
    await store.sql(`insert into ${store.table} (key, value, expires_at) values ('k', '1', now() + interval '500 ms')`)
    await eventually(() => expect(one.has('k')).toBe(true))
    await eventually(() => expect(one.has('k')).toBe(false))
    await eventually(async () => expect(await store.sql(`select key from ${store.table}`)).toEqual([]))
  })

  it.each([0, -1, Number.NaN, 1e300])('of %s milliseconds is refused', async (ttlMs) => {
    const one = await store.open()
    await expect(one.set('k', 1, { ttlMs })).rejects.toMatchObject({ code: 'invalid_request', field: 'ttlMs' })
  })
})

describe('instances', () => {
  it('report what they have, and whether it is what the table has', async () => {
    const one = await store.open({ instanceId: 'one', heartbeatIntervalMs: 200 })
    const two = await store.open({ instanceId: 'two', heartbeatIntervalMs: 200, syncOnMismatch: false })
    await one.set('a', 1)
    await eventually(async () =>
      expect(await one.instances()).toMatchObject([
        { instanceId: 'one', revision: 1, lag: 0, entries: 1, digest: one.getDigest(), inSync: true },
        { instanceId: 'two', revision: 1, lag: 0, entries: 1, inSync: true },
      ]),
    )
    await store.sql(`alter table ${store.table} disable trigger user; update ${store.table} set value = '2'`)
    await eventually(async () => expect((await one.instances()).map(({ inSync }) => inSync)).toEqual([true, false]))
    await two.shutdown()
    expect((await one.instances()).map(({ instanceId }) => instanceId)).toEqual(['one'])
  })

  it('that vanish are forgotten after three heartbeats', async () => {
    await store.open({ instanceId: 'one', heartbeatIntervalMs: 100 })
    await store.sql(
      `insert into ${store.table}_instance select 'ghost', 0, 0, 0, 0, 100, now(), now() from ${store.table}_head`,
    )
    await eventually(async () =>
      expect(await store.sql(`select instance_id from ${store.table}_instance`)).toEqual([{ instance_id: 'one' }]),
    )
  })
})
