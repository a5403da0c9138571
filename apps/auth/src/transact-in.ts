import { readDatabase, transact, writeError, type Executor, type Pool } from '@qcore/database'

/**
 * Runs work as a transaction of a connection of its own.
 *
 * @throws QError `unavailable` if PostgreSQL is not there, `outcome_unknown` if it was lost on the way
 */
export async function transactIn<T>(pool: Pool, work: (executor: Executor) => Promise<T>): Promise<T> {
  const client = await readDatabase(pool.connect())
  let isBroken = true
  try {
    const result = await transact(client, () => work(client))
    isBroken = false
    return result
  } catch (error) {
    throw writeError(error)
  } finally {
    client.release(isBroken)
  }
}
