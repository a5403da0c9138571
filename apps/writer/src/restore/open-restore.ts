import type { Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { lockRestore, type RestoreRow } from './sql/restores.ts'

/** SQLSTATE: somebody else has the lock. */
const lockNotAvailable = '55P03'

/**
 * A restore, which is this transaction's until it ends.
 *
 * @throws QError `unknown_restore`, `overloaded`
 */
export async function openRestore(connection: Executor, id: string): Promise<RestoreRow> {
  try {
    const row = await lockRestore(connection, id)
    if (row !== undefined) return row
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== lockNotAvailable) throw error
    throw new QError('overloaded', 'the restore is being planned or applied already', { cause: error })
  }
  throw unknownRestore(id)
}

export function unknownRestore(id: string): QError {
  return new QError('unknown_restore', `there is no restore ${id}, or its time is over`, { field: 'restore_id' })
}
