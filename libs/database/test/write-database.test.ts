import { randomBytes } from 'node:crypto'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest'
import { closePool, openPool, writeDatabase, type Pool } from '../src/index.ts'

let proxy: FaultProxy
let pool: Pool
let direct: Pool
let table: string

beforeEach(async () => {
  proxy = await openFaultProxy(inject('postgresUrl'))
  const options = { store: 'public', applicationName: 'test', max: 1 }
  pool = openPool({ ...options, address: proxy.url }, () => undefined)
  direct = openPool({ ...options, address: inject('postgresUrl') }, () => undefined)
  table = `test_write_${randomBytes(6).toString('hex')}`
  await direct.query(`create table ${table} (n int primary key)`)
})

afterEach(async () => {
  await direct.query(`drop table ${table}`)
  await closePool(pool)
  await closePool(direct)
  await proxy[Symbol.asyncDispose]()
})

const write = (): Promise<unknown> =>
  writeDatabase(pool, (connection) => connection.query(`insert into ${table} values (1)`))

async function count(): Promise<number> {
  return (await direct.query(`select from ${table}`)).rowCount ?? 0
}

test('a write that cannot connect is unavailable: nothing was done', async () => {
  proxy.cut()
  await expect(write()).rejects.toMatchObject({ code: 'unavailable' })
})

test('a write whose answer is lost is in doubt', async () => {
  await pool.query('select 1')
  proxy.hold('answers')
  const refused = expect(write()).rejects.toMatchObject({ code: 'outcome_unknown' })
  await vi.waitFor(async () => expect(await count()).toBe(1), { timeout: 20_000 })
  proxy.cut()
  await refused
})

test('a write whose connection the server ends is in doubt', async () => {
  const ended = writeDatabase(pool, (connection) => connection.query('select pg_terminate_backend(pg_backend_pid())'))
  await expect(ended).rejects.toMatchObject({ code: 'outcome_unknown' })
  await write()
  expect(await count()).toBe(1)
})

test('a write that PostgreSQL refuses has its error, and its connection is used again', async () => {
  await write()
  const pid = async (): Promise<unknown> => (await pool.query('select pg_backend_pid() as pid')).rows
  const before = await pid()
  await expect(write()).rejects.toMatchObject({ code: '23505' })
  expect(await pid()).toEqual(before)
})
