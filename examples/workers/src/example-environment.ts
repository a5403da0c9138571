import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const workspace = join(import.meta.dirname, '../../..')

/**
 * The environment, with what `npm start` left where it does not say where the store is. Leaders are elected in the store
 * itself, unless `Q_LEADER_STORE_ADDR` names a Redis or a PostgreSQL.
 */
export function exampleEnvironment(): Record<string, string | undefined> {
  const env: Record<string, string | undefined> = { Q_LEADER_STORE_ADDR: 'qcore', ...process.env }
  if (env['Q_NATS_ADDR'] !== undefined && env['Q_TOKEN'] !== undefined) return env
  try {
    const saved = JSON.parse(readFileSync(join(workspace, '.qcore/client.json'), 'utf8')) as {
      natsUrl: string
      token: string
    }
    return { ...env, Q_NATS_ADDR: saved.natsUrl, Q_TOKEN: saved.token }
  } catch (cause) {
    throw new Error('start the system first (npm start), or set Q_NATS_ADDR and Q_TOKEN', { cause })
  }
}
