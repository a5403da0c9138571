import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { closePool, openPool, transactLong, type Pool } from '../src/index.ts'

let pool: Pool

beforeAll(() => {
  const database = { address: inject('postgresUrl'), store: 'public', applicationName: 'test', statementTimeoutMs: 100 }
  pool = openPool({ ...database, max: 2 }, () => undefined)
})
afterAll(() => closePool(pool))

test('its statements may take longer than others of the connection, at the server and at the client', async () => {
  const connection = await pool.connect()
  try {
    const patience = { statementTimeoutMs: 60_000, absenceMs: 60_000 }
    // Without it the server would end this after 100 ms, the client after two seconds more.
    await transactLong(connection, patience, (patient) => patient.query('select pg_sleep(2.5)'))
    await expect(connection.query('select pg_sleep(2.5)')).rejects.toMatchObject({ code: '57014' })
  } finally {
    connection.release(true)
  }
})

test('the server ends it when its client is silent', async () => {
  const connection = await pool.connect()
  const ended = new Promise((resolve) => connection.once('error', resolve))
  const never = new Promise<never>(() => undefined)
  void transactLong(connection, { statementTimeoutMs: 60_000, absenceMs: 50 }, () => never)
  await expect(ended).resolves.toMatchObject({ code: '25P03' })
  connection.release(true)
})
