import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { Client } from 'pg'
import { connectionConfig, type DatabaseOptions } from './pool.ts'

const migrationsFolder = fileURLToPath(new URL('../migrations', import.meta.url))

/** Any number; the same in every version. Together with the store's name it locks migrations. */
const migrationLock = 7_115_001

/** A statement of a migration may go through all of a store. */
const statementTimeoutMs = 3_600_000
/** How long it waits for another process that migrates, and for tables that are in use. */
const lockTimeoutMs = 30_000

/** Creates or updates the schema of a store. Safe to run in several processes at once. */
export async function migrateStore(options: DatabaseOptions): Promise<void> {
  if (await connected(options, (client) => isMigrated(client, options.store))) return
  const settings = { ...options.settings, lock_timeout: `${lockTimeoutMs}` }
  await connected({ ...options, statementTimeoutMs, settings }, async (client) => {
    await client.query('select pg_advisory_lock($1, hashtext($2))', [migrationLock, options.store])
    if (await isMigrated(client, options.store)) return
    await client.query(`create schema if not exists ${client.escapeIdentifier(options.store)}`)
    // Loading these takes a hundred MiB, which a process that finds its store in order does without.
    const { drizzle } = await import('drizzle-orm/node-postgres')
    const { migrate } = await import('drizzle-orm/node-postgres/migrator')
    await migrate(drizzle(client), { migrationsFolder, migrationsSchema: options.store, migrationsTable: 'migration' })
  })
}

async function connected<T>(options: DatabaseOptions, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(connectionConfig(options))
  // The statement that runs fails with it; an error event that nobody listens to would end the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Whether the newest migration was applied, or a newer version's. */
async function isMigrated(client: Client, store: string): Promise<boolean> {
  const table = `${client.escapeIdentifier(store)}.migration`
  const { rows } = await client.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [table])
  if (rows[0]?.exists !== true) return false
  const newest = readMigrationFiles({ migrationsFolder }).at(-1)?.folderMillis ?? 0
  const applied = await client.query<{ newest: number | null }>(`select max(created_at) as newest from ${table}`)
  return (applied.rows[0]?.newest ?? -1) >= newest
}
