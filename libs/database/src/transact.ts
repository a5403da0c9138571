import type { Executor } from './pool.ts'

/** Runs work as a transaction of one connection. An error rolls it back; the connection may be unusable then. */
export async function transact<T>(connection: Executor, work: () => Promise<T>): Promise<T> {
  await connection.query('begin')
  try {
    const result = await work()
    await connection.query('commit')
    return result
  } catch (error) {
    // If this fails too, the first error says why.
    await connection.query('rollback').catch(() => undefined)
    throw error
  }
}
