import type { Executor } from '@qcore/database'
import { deleteExpiredRestore, dropRestoreTables, listExpiredRestores } from './sql/restores.ts'

/** Restores of one round; the next round goes on. */
const mostDropped = 20

/** Forgets the restores whose time is over, with all that they hold. */
export async function dropExpiredRestores(executor: Executor): Promise<void> {
  for (const id of await listExpiredRestores(executor, mostDropped)) {
    await dropRestoreTables(executor, id)
    await deleteExpiredRestore(executor, id)
  }
}
