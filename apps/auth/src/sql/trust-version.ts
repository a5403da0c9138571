import type { Executor } from '@qcore/database'

/** Advances the version that all services follow, and keeps it locked until the transaction ends. Returns the new one. */
export async function advanceTrust(executor: Executor): Promise<number> {
  const { rows } = await executor.query<{ version: number }>(
    'update token_trust set version = version + 1 returning version',
  )
  const [row] = rows
  if (row === undefined) throw new Error('the row of the trust is missing')
  return row.version
}

/** Keeps the version as it is until the transaction ends. */
export async function lockTrust(executor: Executor): Promise<void> {
  await executor.query('select from token_trust for update')
}
