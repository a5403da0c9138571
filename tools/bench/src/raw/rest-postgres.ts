import type { Client } from 'pg'

/** Does what PostgreSQL would do some time after many writes, so that it does not happen while something else is measured. */
export async function restPostgres(client: Client): Promise<void> {
  await client.query('vacuum (analyze)')
  await client.query('checkpoint')
}
