import { openFaultProxy } from '@qcore/fault-proxy'
import { Pool } from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually, openStore, recordChanges, type TestStore } from './_store.ts'

let store: TestStore

beforeEach(async () => {
  store = await openStore()
})

afterEach(() => store[Symbol.asyncDispose]())

it('ends at once when idle, any number of times, and lets go of everything', async () => {
  const address = new URL(store.address)
  address.searchParams.set('application_name', store.schema)
  const pool = new Pool({ connectionString: address.href })
  const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const one = await store.open({ pool })
  await one.set('a', 1)
  const changes = recordChanges(one)
  const start = performance.now()
  await Promise.all([one.shutdown(), one.shutdown()])
  await one.shutdown()
  expect(performance.now() - start).toBeLessThan(500)
  expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBeLessThanOrEqual(
    timersBefore + 1,
  )
  expect(await store.sql(`select * from ${store.table}_instance`)).toEqual([])
  // The application's pool stays its own.
  await pool.query(`update ${store.table} set value = '2'`)
  await pool.end()
  await eventually(async () =>
    expect(await store.sql('select pid from pg_stat_activity where application_name = $1', [store.schema])).toEqual([]),
  )
  expect(changes).toEqual([])
})

it('leaves reads answering, and refuses all else', async () => {
  const one = await store.open()
  await one.set('a', 1)
  await one.shutdown()
  expect(one.get('a')).toBe(1)
  const refused = { code: 'unavailable', message: expect.stringContaining('shut down') }
  await expect(one.set('a', 2)).rejects.toMatchObject(refused)
  await expect(one.delete('a')).rejects.toMatchObject(refused)
  await expect(one.sync()).rejects.toMatchObject(refused)
  await expect(one.history()).rejects.toMatchObject(refused)
  await expect(one.rollback(0)).rejects.toMatchObject(refused)
  await expect(one.instances()).rejects.toMatchObject(refused)
  expect(() => one.subscribe(() => undefined)).toThrow('shut down')
  one.unsubscribe('any')
  expect(one.health().connected).toBe(false)
})

it.each(['hold', 'cut'] as const)('ends within two seconds while the network is gone: %s', async (how) => {
  await using proxy = await openFaultProxy(store.address)
  const one = await store.open({ address: proxy.url, reconnectIntervalMs: 60_000 })
  proxy[how]()
  const write = one.set('a', 1).catch((error: unknown) => error)
  const sync = one.sync().catch((error: unknown) => error)
  const start = performance.now()
  await one.shutdown()
  expect(performance.now() - start).toBeLessThan(2_000)
  expect(await Promise.all([write, sync])).toMatchObject([{ name: 'QError' }, { code: 'unavailable' }])
  // A proxy that holds does not notice who has gone.
  proxy.restore()
  await eventually(() => expect(proxy.connections).toBe(0))
})
