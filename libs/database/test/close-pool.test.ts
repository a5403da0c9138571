import { once } from 'node:events'
import { openFaultProxy } from '@qcore/fault-proxy'
import { expect, inject, it } from 'vitest'
import { closePool, openPool, type Pool } from '../src/index.ts'

function openTestPool(address: string): Pool {
  return openPool({ address, store: 'public', applicationName: 'test', max: 2 }, () => undefined)
}

it('closes a pool with its connections, once what runs has ended', async () => {
  await using proxy = await openFaultProxy(inject('postgresUrl'))
  const pool = openTestPool(proxy.url)
  const running = pool.query<{ answer: number }>('select 1 as answer from pg_sleep(0.2)')
  await once(pool, 'acquire')
  await closePool(pool)
  expect((await running).rows).toEqual([{ answer: 1 }])
  expect(proxy.connections).toBe(0)
})

it('closes a pool whose server hangs, and fails what waits for it', async () => {
  await using proxy = await openFaultProxy(inject('postgresUrl'))
  const pool = openTestPool(proxy.url)
  const kept = await pool.connect()
  kept.on('error', () => undefined)
  await pool.query('select')
  proxy.hold()
  const waiting = pool.query('select').then(
    () => 'answered',
    () => 'failed',
  )
  await once(pool, 'acquire')
  const startedAtMs = performance.now()
  await closePool(pool)
  expect(performance.now() - startedAtMs).toBeLessThan(5_000)
  expect(await waiting).toBe('failed')
})
