import { QError } from '@qcore/errors'
import { runStatement, tableTimeoutMs, type Executor } from '../sql/executor.ts'
import { addChannel, beginStore, readEncoding, readStoreVersion, storeVersion } from '../sql/store-head.ts'
import type { StoreNames } from '../store-names.ts'
import { storeSteps } from './store-schema.ts'

/**
 * Makes the tables of a store, or brings them up to date, unless they are. Safe to run from several processes at once; a user
 * who may not create tables can use those that are there.
 *
 * @throws QError `configuration` if they are missing and may not be made
 */
export async function ensureStore(
  connection: Executor,
  names: StoreNames,
  { channel, createTable }: { channel: string; createTable: boolean },
): Promise<void> {
  const steps = storeSteps(names)
  if ((await readStoreVersion(connection, names)) < steps.length) {
    if (!createTable) {
      throw new QError('configuration', `the tables of ${names.table} are missing or old, and createTable is false`, {
        field: 'createTable',
      })
    }
    await migrate(connection, names, steps)
  }
  await addChannel(connection, names, channel)
}

async function migrate(connection: Executor, names: StoreNames, steps: readonly string[]): Promise<void> {
  if ((await readEncoding(connection)) !== 'UTF8') {
    throw new QError('configuration', 'the database is not UTF-8', { field: 'address' })
  }
  await runStatement(connection, 'begin')
  try {
    await beginStore(connection, names)
    const version = await readStoreVersion(connection, names)
    for (const step of steps.slice(version)) await runStatement(connection, step, tableTimeoutMs)
    if (version < steps.length) await storeVersion(connection, names, steps.length)
    await runStatement(connection, 'commit')
  } catch (error) {
    // If this fails too, the first error says why.
    await runStatement(connection, 'rollback').catch(() => undefined)
    throw error
  }
}
