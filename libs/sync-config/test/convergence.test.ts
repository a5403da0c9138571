import { openFaultProxy } from '@qcore/fault-proxy'
import { startPostgres, type BackingServer } from '@qcore/local-stack'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { ConfigChange, SyncConfig } from '../src/index.ts'
import { openStore, recordChanges, type TestStore } from './_store.ts'

const heartbeatIntervalMs = 3_000
const instances = 20

let postgres: BackingServer

beforeAll(async () => {
  // What is acknowledged is on the disk: one test kills it.
  postgres = await startPostgres()
})

afterAll(() => postgres[Symbol.asyncDispose]())

/** Within one heartbeat, with some time for a busy machine. */
async function withinOneHeartbeat(assertion: () => void): Promise<void> {
  await vi.waitFor(assertion, { timeout: heartbeatIntervalMs + 2_000, interval: 20 })
}

/** Writes until it is told to stop, by instances and by plain SQL; what fails is not retried. */
async function write(store: TestStore, writers: readonly SyncConfig[], stop: AbortSignal): Promise<void> {
  for (let n = 0; !stop.aborted; n++) {
    const writer = writers[n % writers.length]
    const key = `k${n % 37}`
    const writes: (() => Promise<unknown> | undefined)[] = [
      () => writer?.set(key, n),
      () => writer?.set(key, { n, text: 'x'.repeat(n % 9_000) }),
      () => writer?.delete(key),
      () =>
        writer?.commit([
          { key, value: n },
          { key: `${key}:pair`, value: n },
        ]),
      () => store.sql(`update ${store.table} set value = to_jsonb($2::int) where key = $1`, [key, n]),
      () =>
        store.sql(`insert into ${store.table} (key, value) values ($1, '0') on conflict do nothing`, [
          `k${(n * 7) % 37}`,
        ]),
    ]
    await writes[n % writes.length]?.()?.catch(() => undefined)
  }
}

/** Forged, repeated, late and out of order, besides the true ones. */
async function forge(store: TestStore): Promise<void> {
  const [head] = await store.sql(`select store_id as id, revision::int as revision from ${store.table}_head`)
  for (let n = 0; n < 30; n++) {
    const revision = Number(head?.['revision']) + Math.round((Math.random() - 0.7) * 20)
    await store.sql(`select pg_notify('config_changes', $1)`, [`${String(head?.['id'])} ${revision}`])
  }
}

/** Every instance is the table, and each key's changes came in order, ending with what is there. */
async function expectConverged(
  store: TestStore,
  all: readonly SyncConfig[],
  changes: readonly ConfigChange[][],
): Promise<void> {
  const rows = await store.sql(`select key, value from ${store.table}`)
  const table = Object.fromEntries(rows.map(({ key, value }) => [key, value]))
  await withinOneHeartbeat(() => {
    for (const instance of all) expect(instance.getAll()).toEqual(table)
  })
  expect(new Set(all.map((instance) => instance.getDigest())).size).toBe(1)
  for (const instance of all) expect(instance.counters.reloads).toBeLessThanOrEqual(1)
  await withinOneHeartbeat(() => {
    for (const list of changes) {
      const known = new Map<string, ConfigChange>()
      for (const change of list) {
        const former = known.get(change.key)
        expect(change.revision).toBeGreaterThan(former?.revision ?? -1)
        if (former !== undefined) expect(change.previous).toEqual(former.value)
        known.set(change.key, change)
      }
      for (const [key, { value }] of known) expect(value).toEqual(table[key])
    }
  })
}

it(
  'twenty instances are equal within one heartbeat, whatever became of notifications and connections',
  { timeout: 60_000 },
  async () => {
    await using store = await openStore(postgres.url)
    await using proxies = new AsyncDisposableStack()
    const ways = await Promise.all(
      Array.from({ length: 4 }, async () => proxies.use(await openFaultProxy(postgres.url))),
    )
    const all = await Promise.all(
      Array.from({ length: instances }, (_, n) =>
        store.open({ address: ways[n % ways.length]?.url ?? '', heartbeatIntervalMs, reconnectIntervalMs: 500 }),
      ),
    )
    const changes = all.map((instance) => recordChanges(instance))
    const stop = new AbortController()
    const writing = write(store, all, stop.signal)
    await using faulty = await openStore(postgres.url)
    for (let round = 0; round < 4; round++) {
      for (const way of ways.slice(0, 2)) way.cut()
      ways[2]?.hold('answers')
      await faulty.sql(`update ${store.table}_head set channels = '{}'`)
      await faulty.sql('select pg_sleep(0.3)')
      for (const way of ways) way.restore()
      await faulty.sql(`update ${store.table}_head set channels = '{config_changes}'`)
      await forge(store)
    }
    // The last changes are announced to nobody.
    await faulty.sql(`update ${store.table}_head set channels = '{}'`)
    await faulty.sql('select pg_sleep(0.2)')
    stop.abort()
    await writing
    await expectConverged(store, all, changes)
  },
)

it(
  'instances follow a PostgreSQL that was killed and came back, and lose no write that was acknowledged',
  { timeout: 60_000 },
  async () => {
    const store = await openStore(postgres.url)
    const all = await Promise.all(
      Array.from({ length: 5 }, () => store.open({ heartbeatIntervalMs, reconnectIntervalMs: 300 })),
    )
    const changes = all.map((instance) => recordChanges(instance))
    let acknowledged = -1
    const stop = new AbortController()
    const writing = (async () => {
      for (let n = 0; !stop.signal.aborted; n++) {
        const done = await all[n % all.length]?.set('n', n).catch(() => undefined)
        if (done !== undefined) acknowledged = n
      }
    })()
    await vi.waitFor(() => expect(acknowledged).toBeGreaterThan(20), 10_000)
    postgres.kill('SIGKILL')
    await postgres.ended()
    await vi.waitFor(
      () => expect(all.map((instance) => instance.health().status)).toEqual(all.map(() => 'degraded')),
      10_000,
    )
    expect(all[0]?.getInt('n', -1)).toBeGreaterThan(10)
    await postgres.restart()
    const before = acknowledged
    await vi.waitFor(() => expect(acknowledged).toBeGreaterThan(before + 20), 10_000)
    stop.abort()
    await writing
    await using after = await openStore(postgres.url)
    const [row] = await after.sql(`select value from ${store.table}`)
    expect(row?.['value']).toBeGreaterThanOrEqual(acknowledged)
    await withinOneHeartbeat(() =>
      expect(all.map((instance) => instance.get('n'))).toEqual(all.map(() => row?.['value'])),
    )
    await withinOneHeartbeat(() => {
      for (const list of changes) expect(list.at(-1)?.value).toBe(row?.['value'])
    })
    for (const list of changes) {
      expect(list.map(({ revision }) => revision)).toEqual(
        [...new Set(list.map(({ revision }) => revision))].sort((a, b) => a - b),
      )
    }
    expect(all.map(({ counters }) => [counters.reloads, counters.mismatches])).toEqual(all.map(() => [0, 0]))
    await Promise.all(all.map((instance) => instance.shutdown()))
  },
)
