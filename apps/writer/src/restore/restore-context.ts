import { readDatabase, type Pool, type PoolClient } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { RestoreDesk } from './restore-desk.ts'

/** How long a restore is kept that nobody uses. */
export const keepSeconds = 3_600

/** What the methods of restores work with. */
export interface RestoreContext {
  /** For statements that may take long. */
  readonly restorePool: Pool
  readonly restores: RestoreDesk
}

/** A connection for a restore, until it is disposed of. */
export interface RestoreConnection extends AsyncDisposable {
  readonly connection: PoolClient
}

/**
 * Opens a connection for a restore.
 *
 * @throws QError `overloaded`, `unavailable`
 */
export async function openConnection({ restorePool: pool }: RestoreContext): Promise<RestoreConnection> {
  if (pool.totalCount - pool.idleCount >= pool.options.max) {
    throw new QError('overloaded', 'too many restores are being planned or applied')
  }
  const connection = await readDatabase(pool.connect())
  let isBroken = false
  const onError = (): void => {
    isBroken = true
  }
  connection.on('error', onError).on('end', onError)
  // Without this, PostgreSQL goes on for nobody when this process is killed. Not every platform has it.
  await connection.query('set client_connection_check_interval = 1000').catch(() => undefined)
  return {
    connection,
    [Symbol.asyncDispose]: () => {
      connection.off('error', onError).off('end', onError)
      connection.release(isBroken)
      return Promise.resolve()
    },
  }
}
