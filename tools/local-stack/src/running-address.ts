import { readFileSync } from 'node:fs'
import path from 'node:path'

/** How a client reaches a system. */
export interface RunningAddress {
  readonly servers: string
  readonly store: string
  readonly token: string
  /** The gateway, if it is known: of what `npm start` runs, or as `Q_URL` says. */
  readonly url?: string
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
  const { Q_URL: url } = env
  if (servers !== undefined && token !== undefined) {
    return { servers, token, store, ...(url === undefined ? {} : { url }) }
  }
  try {
    const text = readFileSync(path.resolve(folder, dataFolder, 'client.json'), 'utf8')
    const saved = JSON.parse(text) as { natsUrl: string; token: string; url: string }
    return { servers: saved.natsUrl, token: saved.token, store, url: saved.url }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
