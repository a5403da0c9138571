import { readFileSync } from 'node:fs'
import path from 'node:path'

/** How a client reaches a system over NATS. */
export interface RunningAddress {
  readonly servers: string
  readonly store: string
  readonly token: string
}

/**
 * Where a system runs: as `Q_NATS_ADDR`, `Q_TOKEN` and `Q_STORE` say, or the one that `npm start` runs in a folder, with
 * its data where `Q_DATA_DIR` says.
 * Undefined if there is neither.
 */
export function readRunningAddress(
  folder: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): RunningAddress | undefined {
  const { Q_NATS_ADDR: servers, Q_TOKEN: token, Q_STORE: store = 'main', Q_DATA_DIR: dataFolder = '.qcore' } = env
  if (servers !== undefined && token !== undefined) return { servers, token, store }
  try {
    const text = readFileSync(path.resolve(folder, dataFolder, 'client.json'), 'utf8')
    const saved = JSON.parse(text) as { natsUrl: string; token: string }
    return { servers: saved.natsUrl, token: saved.token, store }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
