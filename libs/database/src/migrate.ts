import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { Client } from 'pg'
import { connectionConfig, type DatabaseOptions } from './pool.ts'

const migrationsFolder = fileURLToPath(new URL('../migrations', import.meta.url))

/** Any number; the same in every version. Together with the store's name it locks migrations. */
const migrationLock = 7_115_001

/** Creates or updates the schema of a store. Safe to run in several processes at once. */
export async function migrateStore(options: DatabaseOptions): Promise<void> {
  const client = new Client(connectionConfig(options))
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1, hashtext($2))', [migrationLock, options.store])
    await client.query(`create schema if not exists ${client.escapeIdentifier(options.store)}`)
    await migrate(drizzle(client), { migrationsFolder, migrationsSchema: options.store, migrationsTable: 'migration' })
  } finally {
    await client.end()
  }
}
