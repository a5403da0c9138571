import type { Pool } from 'pg'
import type { Executor } from './pool.ts'

/**
 * Runs work in a transaction of its own connection. An error rolls it back; a connection that cannot even do that is
 * thrown away.
 */
export async function transact<T>(pool: Pool, work: (executor: Executor) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken = false
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    try {
      await client.query('rollback')
    } catch {
      broken = true
    }
    throw error
  } finally {
    client.release(broken)
  }
}
