import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SyncConfig, SyncConfigOptions } from '../src/index.ts'
import { eventually, openStore, recordChanges, type TestStore } from './_store.ts'

let store: TestStore
let proxy: FaultProxy

beforeEach(async () => {
  store = await openStore()
  proxy = await openFaultProxy(store.address)
})

afterEach(async () => {
  proxy.restore()
  await store[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
})

const quick: Partial<SyncConfigOptions> = { reconnectIntervalMs: 200 }

/** No change is announced any more, as when all notifications are lost. */
async function loseNotifications(): Promise<void> {
  await store.sql(`update ${store.table}_head set channels = '{}'`)
}

async function announce(payload: string): Promise<void> {
  await store.sql(`select pg_notify('config_changes', $1)`, [payload])
}

async function storeId(): Promise<string> {
  const [head] = await store.sql(`select store_id from ${store.table}_head`)
  return String(head?.['store_id'])
}

/** Changes a row so that no trigger hears of it. */
async function changeSecretly(statement: string): Promise<void> {
  await store.sql(
    `alter table ${store.table} disable trigger user; ${statement}; alter table ${store.table} enable trigger user`,
  )
}

async function expectEqual(...instances: SyncConfig[]): Promise<void> {
  const rows = await store.sql(`select key, value from ${store.table}`)
  const all = Object.fromEntries(rows.map(({ key, value }) => [key, value]))
  await eventually(() => expect(instances.map((instance) => instance.getAll())).toEqual(instances.map(() => all)))
}

describe('a connection that is lost', () => {
  it('is made anew, and all changes made meanwhile are delivered once, in order', async () => {
    const one = await store.open()
    const two = await store.open({ address: proxy.url, ...quick })
    const changes = recordChanges(two)
    await one.set('n', -1)
    await eventually(() => expect(changes).toHaveLength(1))
    proxy.cut()
    await eventually(() => expect(two.health()).toMatchObject({ status: 'degraded', connected: false }))
    for (let n = 0; n < 600; n++) await one.set('n', n)
    expect(two.get('n')).toBe(-1)
    proxy.restore()
    await eventually(() =>
      expect(changes.map(({ value }) => value)).toEqual(Array.from({ length: 601 }, (_, n) => n - 1)),
    )
    expect(two.health()).toMatchObject({ status: 'healthy', error: undefined })
    expect(two.counters).toMatchObject({ reconnects: 1, reloads: 0 })
    expect(store.problems).toContainEqual(expect.objectContaining({ kind: 'connection' }))
  })

  it('is noticed when the server ends it', async () => {
    const address = `${store.address}?application_name=${store.schema}`
    const one = await store.open({ address, ...quick })
    await store.sql('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      store.schema,
    ])
    await eventually(() => expect(one.counters.reconnects).toBe(1))
    await store.sql(`insert into ${store.table} (key, value) values ('k', '1')`)
    await eventually(() => expect(one.get('k')).toBe(1))
  })

  it('lets reads go on and writes fail, without a trace of them', async () => {
    const one = await store.open({ address: proxy.url, ...quick })
    await one.set('k', 1)
    const changes = recordChanges(one)
    proxy.cut()
    await eventually(() => expect(one.health().connected).toBe(false))
    await expect(one.set('k', 2)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(one.sync()).rejects.toMatchObject({ code: 'unavailable' })
    await expect(one.history()).rejects.toMatchObject({ code: 'unavailable' })
    expect([one.get('k'), changes]).toEqual([1, []])
    proxy.restore()
    await eventually(() => expect(one.health().connected).toBe(true))
    await one.set('k', 3)
    expect(one.get('k')).toBe(3)
  })

  it('while a write is on its way leaves its outcome unknown; the truth comes with the next connection', async () => {
    const one = await store.open({ address: proxy.url, ...quick })
    await one.set('k', 1)
    const changes = recordChanges(one)
    proxy.hold('answers')
    const write = one.set('k', 2)
    await eventually(async () => expect(await store.sql(`select value from ${store.table}`)).toEqual([{ value: 2 }]))
    proxy.cut()
    await expect(write).rejects.toMatchObject({ code: 'outcome_unknown' })
    expect(one.get('k')).toBe(1)
    proxy.restore()
    await eventually(() => expect(changes.map(({ value, origin }) => [value, origin])).toEqual([[2, one.instanceId]]))
  })

  it('leads to a reload if the history does not reach back, with a callback a changed key', async () => {
    const one = await store.open()
    await one.commit(['a', 'b', 'c'].map((key) => ({ key, value: 0 })))
    const two = await store.open({ address: proxy.url, ...quick })
    const changes = recordChanges(two)
    proxy.cut()
    for (let n = 1; n <= 3; n++) await one.set('a', n)
    await one.delete('b')
    await store.sql(`delete from ${store.table}_change; update ${store.table}_head set oldest_revision = revision + 1`)
    proxy.restore()
    await expectEqual(two)
    await eventually(() =>
      expect(changes.map(({ key, value, previous }) => [key, value, previous])).toEqual([
        ['a', 3, 0],
        ['b', undefined, 0],
      ]),
    )
    expect(two.counters.reloads).toBe(1)
  })
})

describe('a transaction that holds everybody up', () => {
  it('makes writes fail after a while, with nothing done', async () => {
    const one = await store.open()
    await store.sql(`begin; insert into ${store.table} (key, value) values ('a', '1')`)
    await expect(one.set('b', 1)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('nothing'),
    })
    await store.sql('commit')
    await eventually(() => expect(one.getAll()).toEqual({ a: 1 }))
  })

  it('does not hold up reads, nor an instance that starts', async () => {
    await store.open()
    await store.sql(`begin; insert into ${store.table} (key, value) values ('a', '1')`)
    const two = await store.open()
    expect(two.getAll()).toEqual({})
    await store.sql('commit')
    await eventually(() => expect(two.getAll()).toEqual({ a: 1 }))
  })
})

describe('notifications', () => {
  it('that are lost are made up for by the heartbeat, by the history', async () => {
    const one = await store.open()
    const two = await store.open({ heartbeatIntervalMs: 300 })
    const changes = recordChanges(two)
    await loseNotifications()
    await one.set('a', 1)
    await one.set('a', 2)
    await eventually(() => expect(changes.map(({ value }) => value)).toEqual([1, 2]))
    expect(two.counters).toMatchObject({ notifications: 0, mismatches: 0, reloads: 0 })
  })

  it('that are lost hide no write: what it changes is decided by the table, not by what the writer knows', async () => {
    const one = await store.open()
    const two = await store.open()
    await one.set('a', 1)
    await eventually(() => expect(two.get('a')).toBe(1))
    await loseNotifications()
    await one.set('a', 2)
    await expect(two.set('a', 1)).resolves.toMatchObject({ changed: true, existed: true })
    expect([two.get('a'), await store.sql(`select value from ${store.table}`)]).toEqual([1, [{ value: 1 }]])
  })

  it('that are late, repeated, out of order, forged or of the seed change nothing', async () => {
    const one = await store.open()
    const changes = recordChanges(one)
    const id = await storeId()
    await loseNotifications()
    await store.sql(`insert into ${store.table} (key, value) values ('a', '1')`)
    await store.sql(`update ${store.table} set value = '2'`)
    for (const payload of [`${id} 2`, `${id} 1`, `${id} 2`, `${id} 1`]) await announce(payload)
    for (const payload of ['', '{}', 'junk', id, `${id} x`, `${id} -1`, `${id} 99999999999999999999`, 'other 7'])
      await announce(payload)
    await announce('{"action" : "insert", "key" : "k", "value" : 1}')
    await announce('{"action":"heartbeat","crc":7}')
    await eventually(() => expect(one.counters.notifications).toBe(5))
    await one.sync()
    await eventually(() =>
      expect(changes.map(({ key, value }) => [key, value])).toEqual([
        ['a', 1],
        ['a', 2],
      ]),
    )
    expect(one.counters).toMatchObject({ reloads: 0, reconnects: 0, mismatches: 0 })
  })

  it('that hang in the network are made up for when they come', async () => {
    const one = await store.open()
    const two = await store.open({ address: proxy.url })
    const changes = recordChanges(two)
    proxy.hold('answers')
    await one.set('a', 1)
    await one.set('a', 2)
    proxy.restore()
    await eventually(() => expect(changes.map(({ value }) => value)).toEqual([1, 2]))
  })

  it('can be done without', async () => {
    const one = await store.open({ enableNotification: false })
    const two = await store.open({ enableNotification: false, heartbeatIntervalMs: 200 })
    await one.set('a', 1)
    expect(one.get('a')).toBe(1)
    await eventually(() => expect(two.get('a')).toBe(1))
    expect(two.counters.notifications).toBe(0)
  })
})

describe('a table that was changed past the triggers', () => {
  it('is found by the heartbeat and read where it differs, for the table is right', async () => {
    const one = await store.open({ heartbeatIntervalMs: 300 })
    await one.commit(Array.from({ length: 500 }, (_, n) => ({ key: `k${n}`, value: n })))
    const changes = recordChanges(one)
    await changeSecretly(`update ${store.table} set value = '-1' where key = 'k7'; delete from ${store.table} where key = 'k8';
      insert into ${store.table} (key, value) values ('new', '1')`)
    await expectEqual(one)
    await eventually(() => expect(changes).toHaveLength(3))
    expect(Object.fromEntries(changes.map(({ key, value, previous }) => [key, [value, previous]]))).toEqual({
      k7: [-1, 7],
      k8: [undefined, 8],
      new: [1, undefined],
    })
    expect(one.counters).toMatchObject({ mismatches: 1, repairs: 1, reloads: 0 })
    expect(store.problems).toContainEqual(
      expect.objectContaining({ kind: 'mismatch', message: expect.stringContaining('3 of 256') }),
    )
  })

  it('is only reported if syncOnMismatch is false, until sync is called', async () => {
    const one = await store.open({ heartbeatIntervalMs: 100, syncOnMismatch: false })
    await one.set('a', 1)
    await changeSecretly(`update ${store.table} set value = '2'`)
    await eventually(() => expect(one.counters.mismatches).toBeGreaterThan(1))
    expect([one.get('a'), one.counters.repairs]).toEqual([1, 0])
    const changes = recordChanges(one)
    await expect(one.sync()).resolves.toBe(false)
    expect(one.get('a')).toBe(2)
    await expect(one.sync()).resolves.toBe(true)
    await eventually(() => expect(changes).toMatchObject([{ key: 'a', value: 2, previous: 1 }]))
  })

  it('that was restored to an earlier revision is loaded anew', async () => {
    const one = await store.open()
    for (let n = 0; n < 5; n++) await one.set('a', n)
    await changeSecretly(`update ${store.table} set value = '1', revision = 2`)
    await store.sql(`update ${store.table}_head set revision = 2; delete from ${store.table}_change where revision > 2`)
    await one.sync()
    expect([one.get('a'), one.revision, one.counters.reloads]).toEqual([1, 2, 1])
    await one.set('a', 'after')
    expect([one.get('a'), one.revision]).toEqual(['after', 3])
  })

  it('that was dropped is made anew, empty, and is another store', async () => {
    const one = await store.open(quick)
    await one.set('a', 1)
    const former = await storeId()
    const changes = recordChanges(one)
    await store.sql(`drop schema ${store.schema} cascade`)
    await expect(one.set('a', 2)).rejects.toMatchObject({ code: 'configuration' })
    await one.sync().catch(() => undefined)
    await eventually(() => expect(changes).toMatchObject([{ key: 'a', value: undefined }]))
    expect(await storeId()).not.toBe(former)
    await one.set('a', 3)
    await eventually(() => expect(changes).toMatchObject([{ value: undefined }, { value: 3 }]))
  })
})

describe('the start', () => {
  it('fails at once if PostgreSQL cannot be reached, and leaves nothing behind', async () => {
    proxy.cut()
    const start = performance.now()
    await expect(store.open({ address: proxy.url })).rejects.toMatchObject({ code: 'unavailable' })
    expect(performance.now() - start).toBeLessThan(2_000)
    await eventually(() => expect(proxy.connections).toBe(0))
  })

  it('waits for PostgreSQL as long as it is told to', async () => {
    proxy.cut()
    await expect(store.open({ address: proxy.url, startTimeoutMs: 300, ...quick })).rejects.toMatchObject({
      code: 'unavailable',
    })
    const opening = store.open({ address: proxy.url, startTimeoutMs: 10_000, ...quick })
    await eventually(() => expect(store.problems.length).toBeGreaterThan(5))
    proxy.restore()
    await expect(opening).resolves.toBeDefined()
  })

  it('misses nothing that is committed while it loads', async () => {
    const one = await store.open()
    let n = 0
    const writing = new AbortController()
    const writes = (async () => {
      while (!writing.signal.aborted) await one.set(`k${n % 50}`, n++)
    })()
    const instances = []
    for (let i = 0; i < 10; i++) instances.push(await store.open())
    writing.abort()
    await writes
    await expectEqual(one, ...instances)
    expect(instances.map(({ counters }) => counters.mismatches + counters.reloads)).toEqual(instances.map(() => 0))
  })
})
