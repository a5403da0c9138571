import { join } from 'node:path'
import { readRunningAddress, type RunningAddress } from '@qcore/local-stack'

const workspace = join(import.meta.dirname, '../../..')

/** Where a system runs: as the environment says, or `npm start`; undefined if there is none. */
export function runningAddress(): RunningAddress | undefined {
  return readRunningAddress(workspace)
}

/**
 * The environment of an application in that system. Leaders are elected in the store itself, unless `Q_LEADER_STORE_ADDR` names a
 * Redis or a PostgreSQL.
 */
export function exampleEnvironment({ servers, store, token }: RunningAddress): Record<string, string | undefined> {
  return { Q_LEADER_STORE_ADDR: 'qcore', ...process.env, Q_NATS_ADDR: servers, Q_STORE: store, Q_TOKEN: token }
}
