import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SyncConfig } from '../src/index.ts'
import { eventually, openStore, recordChanges, type TestStore } from './_store.ts'

let store: TestStore

beforeEach(async () => {
  store = await openStore()
})

afterEach(() => store[Symbol.asyncDispose]())

/** Waits until all instances have all that was committed, and are equal to the table. */
async function converged(...instances: SyncConfig[]): Promise<void> {
  const [head] = await store.sql(`select revision::int from ${store.table}_head`)
  const [table] = await store.sql(
    `select to_hex(coalesce(bit_xor(digest), 0)) as digest, count(*)::int from ${store.table}`,
  )
  await eventually(() => {
    for (const { revision } of instances) expect(revision).toBe(head?.['revision'])
  })
  for (const instance of instances) {
    expect(instance.getDigest()).toBe(String(table?.['digest']).padStart(16, '0'))
    expect(instance.health().count).toBe(table?.['count'])
  }
}

describe('a change', () => {
  it('reaches every instance within a second, as one callback with the same revision', async () => {
    const instances = await Promise.all(Array.from({ length: 5 }, () => store.open()))
    const changes = instances.map((instance) => recordChanges(instance))
    const [one] = instances
    const { revision } = (await one?.set('max_connections', 500)) ?? { revision: 0 }
    await eventually(() =>
      expect(instances.map((i) => i.getInt('max_connections', 0))).toEqual([500, 500, 500, 500, 500]),
    )
    await converged(...instances)
    const expected = { key: 'max_connections', value: 500, previous: undefined, revision, origin: one?.instanceId }
    await eventually(() => expect(changes).toMatchObject(Array.from({ length: 5 }, () => [expected])))
  })

  it('of plain SQL is followed: insert, update, upsert, rename, delete, copy of rows', async () => {
    const one = await store.open()
    const changes = recordChanges(one)
    await store.sql(`insert into ${store.table} (key, value) values ('a', '1'), ('b', '{"big": 9007199254740993}')`)
    await store.sql(`update ${store.table} set value = '2' where key = 'a'`)
    await store.sql(`insert into ${store.table} (key, value) values ('a', '3'), ('c', '4')
      on conflict (key) do update set value = excluded.value`)
    await store.sql(`update ${store.table} set key = 'renamed' where key = 'a'`)
    await store.sql(`delete from ${store.table} where key = 'c'`)
    await converged(one)
    expect(one.getAll()).toEqual({ b: { big: 9_007_199_254_740_993n }, renamed: 3 })
    await eventually(() =>
      expect(changes.map(({ key, value }) => [key, value])).toEqual([
        ['a', 1],
        ['b', { big: 9_007_199_254_740_993n }],
        ['a', 2],
        ['a', 3],
        ['c', 4],
        ['a', undefined],
        ['renamed', 3],
        ['c', undefined],
      ]),
    )
    const [first] = await one.history('b')
    const [role] = await store.sql('select session_user as name')
    expect(first).toMatchObject({ author: role?.['name'], origin: '' })
  })

  it('of a key that swaps places with another is followed', async () => {
    const one = await store.open()
    await one.commit([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ])
    await store.sql(
      `alter table ${store.table} drop constraint sync_config_pkey, add primary key (key) deferrable initially deferred`,
    )
    await store.sql(`update ${store.table} set key = case key when 'a' then 'b' else 'a' end`)
    await converged(one)
    expect(one.getAll()).toEqual({ a: 2, b: 1 })
  })

  it('by TRUNCATE is the deletion of every key', async () => {
    const one = await store.open()
    await one.commit([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ])
    const changes = recordChanges(one)
    await store.sql(`truncate ${store.table}`)
    await converged(one)
    expect(one.getAll()).toEqual({})
    await eventually(() =>
      expect(changes.map(({ key, previous }) => [key, previous])).toEqual([
        ['a', 1],
        ['b', 2],
      ]),
    )
  })

  it('that is rolled back, or changes nothing, is none', async () => {
    const one = await store.open()
    await one.set('a', 1)
    const changes = recordChanges(one)
    const { revision } = one
    await store.sql(`begin; update ${store.table} set value = '2'; delete from ${store.table}; rollback`)
    await store.sql(`update ${store.table} set value = value`)
    await store.sql(
      `insert into ${store.table} (key, value) values ('a', '1.0') on conflict (key) do update set value = excluded.value`,
    )
    await store.sql(`delete from ${store.table} where key = 'never'`)
    await store.sql(`begin; savepoint s; delete from ${store.table}; rollback to s; commit`)
    await one.sync()
    expect([one.revision, changes]).toEqual([revision, []])
    await one.set('b', 1)
    expect(one.revision).toBe(revision + 1)
  })

  it('of a thousand rows in one transaction is one revision, with one callback a key', async () => {
    const [one, two] = [await store.open(), await store.open()]
    const changes = recordChanges(two)
    await store.sql(
      `insert into ${store.table} (key, value) select 'bulk:' || n, to_jsonb(n) from generate_series(1, 1000) as n`,
    )
    await store.sql(`
      begin;
      update ${store.table} set value = '-1' where key = 'bulk:1';
      update ${store.table} set value = '-2' where key = 'bulk:1';
      delete from ${store.table} where key = 'bulk:2';
      insert into ${store.table} (key, value) values ('bulk:2', '2');
      commit`)
    await converged(one, two)
    await eventually(() => expect(changes).toHaveLength(1_001))
    expect(new Set(changes.map(({ revision }) => revision)).size).toBe(2)
    expect(changes.at(-1)).toMatchObject({ key: 'bulk:1', value: -2, previous: 1 })
  })

  it('in a transaction of many revisions has as many', async () => {
    const one = await store.open()
    const changes = recordChanges(one)
    await store.sql(`
      begin;
      select ${store.schema}.sync_config_commit('[{"key": "a", "value": 1}]', 'x', '');
      insert into ${store.table} (key, value) values ('b', '1');
      update ${store.table} set value = '2' where key = 'a';
      select ${store.schema}.sync_config_commit('[{"key": "a", "value": 3}]', 'x', '');
      commit`)
    await converged(one)
    await eventually(() => expect(changes).toHaveLength(4))
    expect(changes.map(({ key, value, revision }) => [key, value, revision])).toEqual([
      ['a', 1, 1],
      ['a', 2, 2],
      ['b', 1, 2],
      ['a', 3, 3],
    ])
  })

  it('of concurrent transactions on the same rows in any order ends in no deadlock', async () => {
    const one = await store.open()
    await one.commit([
      { key: 'a', value: 0 },
      { key: 'b', value: 0 },
    ])
    await using other = await openStore()
    const write = async (client: TestStore, keys: string[]): Promise<void> => {
      for (let n = 0; n < 20; n++) {
        await client.sql('begin')
        for (const key of keys)
          await client.sql(`update ${store.table} set value = to_jsonb(random()) where key = $1`, [key])
        await client.sql('commit')
      }
    }
    await Promise.all([
      write(store, ['a', 'b']),
      write(other, ['b', 'a']),
      ...Array.from({ length: 20 }, (_, n) =>
        one.commit([
          { key: 'b', value: n },
          { key: 'a', value: n },
        ]),
      ),
    ])
    await converged(one)
  })
})

describe('stores', () => {
  it('in one database never mix, whatever they have in common', async () => {
    await using other = await openStore()
    const [one, two, three] = [await store.open(), await store.open({ tableName: 'other' }), await other.open()]
    const changes = [two, three].map((instance) => recordChanges(instance))
    await one.set('a', 1)
    await store.sql(`truncate ${store.table}`)
    await one.set('a', 2)
    await two.set('b', 1)
    await Promise.all([two.sync(), three.sync()])
    expect([one.getAll(), two.getAll(), three.getAll()]).toEqual([{ a: 2 }, { b: 1 }, {}])
    await eventually(() => expect(changes.map((list) => list.map(({ key }) => key))).toEqual([['b'], []]))
    expect([two.counters.notifications, three.counters.notifications]).toEqual([1, 0])
  })

  it.each([
    ['app_config', 'config_updates'],
    ['AppConfig', 'ConfigUpdates'],
    ['app-config', 'config-updates'],
    ['it\'s "quoted" \\ ', 'it\'s "quoted" \\ '],
    ['größe', 'größe'],
    ['x'.repeat(54), 'x'.repeat(63)],
  ])('have any table and channel: %s, %s', async (tableName, channel) => {
    const [one, two] = await Promise.all([store.open({ tableName, channel }), store.open({ tableName, channel })])
    await one.set('k', { v: 1 })
    await eventually(() => expect(two.get('k')).toEqual({ v: 1 }))
    expect(two.counters.notifications).toBe(1)
  })

  it('are announced on every channel that an instance asked for', async () => {
    const one = await store.open({ channel: 'one' })
    const two = await store.open({ channel: 'two' })
    await one.set('k', 1)
    await two.set('k', 2)
    await eventually(() => expect([one.get('k'), two.get('k')]).toEqual([2, 2]))
  })

  it('are made by many instances at once', async () => {
    const instances = await Promise.all(Array.from({ length: 8 }, () => store.open()))
    await instances[0]?.set('k', 1)
    await converged(...instances)
  })

  it('take over a table that SyncConfig made, with its rows, and follow what writes to it', async () => {
    await store.sql(`create schema ${store.schema}`)
    await store.sql(`create table ${store.table} (
      key varchar(255) primary key, value jsonb not null, updated_at timestamp not null default now())`)
    await store.sql(`create index idx_sync_config_updated_at on ${store.table} (updated_at)`)
    await store.sql(
      `insert into ${store.table} (key, value) select 'k' || n, to_jsonb(n) from generate_series(1, 5000) as n`,
    )
    const one = await store.open()
    expect([one.health().count, one.getEntry('k7')]).toEqual([5_000, { value: 7, revision: 0, expiresAt: undefined }])
    await store.sql(`insert into ${store.table} (key, value, updated_at) values ('k7', '8', now())
      on conflict (key) do update set value = excluded.value, updated_at = now()`)
    await converged(one)
    expect(one.getEntry('k7')).toMatchObject({ value: 8, revision: 1 })
  })

  it('are not made if they must not be', async () => {
    const missing = { code: 'configuration', field: 'createTable' }
    await expect(store.open({ createTable: false, startTimeoutMs: 60_000 })).rejects.toMatchObject(missing)
    await store.open()
    await expect(store.open({ createTable: false })).resolves.toBeDefined()
  })

  it('are refused in a database that is not UTF-8', async () => {
    const name = `${store.schema}_latin`
    await store.sql(`create database ${name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`)
    const address = new URL(store.address)
    address.pathname = name
    await expect(store.open({ address: address.href })).rejects.toMatchObject({
      code: 'configuration',
      field: 'address',
    })
    await store.sql(`drop database ${name} with (force)`)
  })

  it('need no right to make tables once they are there', async () => {
    const one = await store.open()
    const role = `${store.schema}_role`
    await store.sql(`create role ${role} login password 'secret'`)
    try {
      const address = new URL(store.address)
      address.username = role
      address.password = 'secret'
      await expect(store.open({ address: address.href })).rejects.toMatchObject({ code: 'permission_denied' })
      await store.sql(`grant usage on schema ${store.schema} to ${role}`)
      await store.sql(`grant select, insert, update, delete on all tables in schema ${store.schema} to ${role}`)
      const two = await store.open({ address: address.href })
      await two.set('k', 1)
      await eventually(() => expect(one.get('k')).toBe(1))
      await two.shutdown()
    } finally {
      await store.sql(`drop owned by ${role}`)
      await store.sql(`drop role ${role}`)
    }
  })

  it('have writers who may change the table alone', async () => {
    const one = await store.open()
    const role = `${store.schema}_writer`
    await store.sql(`create role ${role}`)
    try {
      await store.sql(
        `grant usage on schema ${store.schema} to ${role}; grant insert, update, delete, truncate, select on ${store.table} to ${role}`,
      )
      await store.sql(`set role ${role}; insert into ${store.table} (key, value) values ('k', '1'); reset role`)
      await eventually(() => expect(one.get('k')).toBe(1))
      await store.sql(`set role ${role}; truncate ${store.table}; reset role`)
      await eventually(() => expect(one.has('k')).toBe(false))
    } finally {
      await store.sql(`reset role; drop owned by ${role}; drop role ${role}`)
    }
  })
})
