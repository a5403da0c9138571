import { readFileSync } from 'node:fs'
import path from 'node:path'
import { QError, type ConnectOptions } from '@qcore/client'
import type { Io } from './io.ts'

/** What the options say about where the store is. */
export interface AddressOptions {
  url?: string
  servers?: string
  store?: string
  token?: string
}

/** What `npm start` leaves in its data folder, and where that is unless `Q_DATA_DIR` says otherwise. */
const startedFile = 'client.json'
const dataFolder = '.qcore'

/**
 * Where the store is: the options, else the environment, else what a started system left in this folder or one above.
 *
 * @throws QError `configuration`
 */
export function readAddress(options: AddressOptions, { env, folder }: Pick<Io, 'env' | 'folder'>): ConnectOptions {
  if (options.url !== undefined && options.servers !== undefined) {
    throw new QError('configuration', 'give --url or --servers, not both', { field: '--url' })
  }
  const isGiven = options.url !== undefined || options.servers !== undefined
  const url = options.url ?? (isGiven ? undefined : setting(env, 'Q_URL'))
  const servers = options.servers ?? (url === undefined ? setting(env, 'Q_NATS_ADDR') : undefined)
  const started = url === undefined && servers === undefined ? readStarted(env, folder) : undefined
  const token = options.token ?? setting(env, 'Q_TOKEN') ?? started?.token
  const given = token === undefined ? {} : { token }
  const store = options.store ?? setting(env, 'Q_STORE')
  if (servers !== undefined)
    return { servers, name: 'qcore command', ...(store === undefined ? {} : { store }), ...given }
  if (url !== undefined) return { url, ...given }
  if (started !== undefined) return { url: started.url, ...given }
  throw new QError(
    'configuration',
    `no store to talk to: start one here (npm start), or give --url or --servers (Q_URL, Q_NATS_ADDR) and --token (Q_TOKEN)`,
  )
}

function setting(env: Io['env'], name: string): string | undefined {
  const value = env[name]
  return value === '' ? undefined : value
}

interface Started {
  readonly url: string
  readonly token: string
}

function readStarted(env: Io['env'], folder: string): Started | undefined {
  const named = setting(env, 'Q_DATA_DIR')
  if (named !== undefined) return readClientFile(path.resolve(folder, named, startedFile))
  for (let at = folder; ; at = path.dirname(at)) {
    const started = readClientFile(path.join(at, dataFolder, startedFile))
    if (started !== undefined || at === path.dirname(at)) return started
  }
}

/** Undefined: there is no such file. */
function readClientFile(file: string): Started | undefined {
  try {
    const { url, token } = JSON.parse(readFileSync(file, 'utf8')) as Started
    return { url, token }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new QError('configuration', `cannot read ${file}`, { cause: error })
  }
}
