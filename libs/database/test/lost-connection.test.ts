import { openFaultProxy } from '@qcore/fault-proxy'
import { expect, inject, test } from 'vitest'
import { closePool, migrateStore, openPool } from '../src/index.ts'

const options = { store: 'public', applicationName: 'test' }

test('a connection that is lost while somebody has it fails what is asked of it, and nothing else', async () => {
  await using postgres = await openFaultProxy(inject('postgresUrl'))
  const pool = openPool({ ...options, address: postgres.url, max: 1 }, () => undefined)
  const connection = await pool.connect()
  const lost = new Promise((resolve) => connection.once('end', resolve))
  const asked = connection.query('select pg_sleep(60)')
  postgres.cut()
  await expect(asked).rejects.toThrow()
  await lost
  await expect(connection.query('select 1')).rejects.toThrow()
  connection.release(true)
  postgres.restore()
  expect((await pool.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }])
  await closePool(pool)
})

test('a migration that loses its connection fails', async () => {
  await using postgres = await openFaultProxy(inject('postgresUrl'))
  const holder = openPool({ ...options, address: inject('postgresUrl'), max: 2 }, () => undefined)
  const lock = await holder.connect()
  const store = 'test_lost_connection'
  await lock.query('select pg_advisory_lock(7115001, hashtext($1))', [store])
  const migrating = migrateStore({ ...options, store, address: postgres.url })
  const failure = expect(migrating).rejects.toThrow()
  const isWaiting = async (): Promise<boolean> => {
    const { rows } = await holder.query<{ isWaiting: boolean }>(
      `select exists (select from pg_locks where classid = 7115001 and objid = hashtext($1)::oid and not granted) as "isWaiting"`,
      [store],
    )
    return rows[0]?.isWaiting === true
  }
  await expect.poll(isWaiting).toBe(true)
  postgres.cut()
  await failure
  lock.release(true)
  await closePool(holder)
})
