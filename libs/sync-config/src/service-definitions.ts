import { QError } from '@qcore/errors'
import { parseDuration } from './duration.ts'
import { openSyncConfig, type SyncConfig } from './sync-config.ts'
import type { SyncConfigOptions } from './sync-config-options.ts'

/** Opened stores by the names of their services. Disposing shuts them down. */
export interface ConfigServices extends AsyncDisposable {
  /** @throws QError `configuration` */
  get(name: string): SyncConfig
}

type Params = Readonly<Record<string, unknown>>

interface Definition {
  readonly type: string
  readonly params: Params
}

/**
 * Opens what the `service-definitions` of a SyncConfig file describe: services of type `sync_config_pg`, in the databases of those of
 * type `dbpool_pg`. A whole number is minutes of `heartbeat_interval` and seconds of `reconnect_interval`, as in SyncConfig; a text
 * is a duration (`5m`, `1h30m`, `250ms`).
 *
 * @param definitions as a YAML parser gives them
 * @param options for all stores, besides those that the definitions give
 * @throws QError `configuration` that names the service and the parameter
 */
export async function openConfigServices(
  definitions: unknown,
  options: Pick<SyncConfigOptions, 'onProblem' | 'startTimeoutMs' | 'author'> = {},
): Promise<ConfigServices> {
  await using opening = new AsyncDisposableStack()
  const all = new Map(Object.entries(asObject('service-definitions', definitions)).map(parseDefinition))
  const stores = new Map<string, SyncConfig>()
  for (const [name, { type, params }] of all) {
    if (type !== 'sync_config_pg') continue
    stores.set(name, opening.use(await openSyncConfig({ ...options, ...storeOptions(name, params, all) })))
  }
  const opened = opening.move()
  return {
    get(name) {
      const store = stores.get(name)
      if (store === undefined) throw wrong(name, 'no service of type sync_config_pg has this name')
      return store
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function parseDefinition([name, definition]: [string, unknown]): [string, Definition] {
  const { type, params = {} } = asObject(name, definition)
  if (type !== 'dbpool_pg' && type !== 'sync_config_pg')
    throw wrong(`${name}.type`, 'dbpool_pg or sync_config_pg is needed')
  return [name, { type, params: asObject(`${name}.params`, params) }]
}

function storeOptions(name: string, params: Params, all: ReadonlyMap<string, Definition>): SyncConfigOptions {
  const known = new ServiceParams(name, params)
  const poolName = known.text('dbpool_name')
  if (poolName === undefined) throw wrong(`${name}.dbpool_name`, 'it is required')
  const pool = all.get(poolName)
  if (pool?.type !== 'dbpool_pg') throw wrong(`${name}.dbpool_name`, `${poolName} is no service of type dbpool_pg`)
  const database = new ServiceParams(poolName, pool.params)
  const address = database.text('dsn')
  if (address === undefined) throw wrong(`${poolName}.dsn`, 'it is required')
  const options = {
    address,
    schema: database.text('schema'),
    tableName: known.text('table_name'),
    channel: known.text('channel'),
    heartbeatIntervalMs: known.duration('heartbeat_interval', 60_000),
    reconnectIntervalMs: known.duration('reconnect_interval', 1_000),
    syncOnMismatch: known.truth('sync_on_mismatch'),
    enableNotification: known.truth('enable_notification'),
  }
  database.refuseOthers()
  known.refuseOthers()
  return { address, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) }
}

/** Parameters of a service, each read with its type; what is not read is a mistake. */
class ServiceParams {
  readonly #service: string
  readonly #params: Params
  readonly #read = new Set<string>()

  constructor(service: string, params: Params) {
    this.#service = service
    this.#params = params
  }

  text(name: string): string | undefined {
    const value = this.#take(name)
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    throw this.#wrong(name, 'a text is needed')
  }

  truth(name: string): boolean | undefined {
    const value = this.#take(name)
    if (value === undefined || typeof value === 'boolean') return value
    throw this.#wrong(name, 'true or false is needed')
  }

  duration(name: string, unitMs: number): number | undefined {
    const value = this.#take(name)
    if (value === undefined) return undefined
    const ms = typeof value === 'number' ? value * unitMs : typeof value === 'string' ? parseDuration(value) : undefined
    if (ms !== undefined && ms > 0 && Number.isFinite(ms)) return ms
    throw this.#wrong(name, 'a number above 0, or a duration like 5m, is needed')
  }

  refuseOthers(): void {
    const other = Object.keys(this.#params).find((name) => !this.#read.has(name))
    if (other !== undefined) throw this.#wrong(other, 'there is no such parameter')
  }

  #take(name: string): unknown {
    this.#read.add(name)
    return this.#params[name]
  }

  #wrong(name: string, message: string): QError {
    return wrong(`${this.#service}.${name}`, message)
  }
}

function asObject(field: string, value: unknown): Params {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Params
  throw wrong(field, 'names and values are needed')
}

function wrong(field: string, message: string): QError {
  return new QError('configuration', `${field}: ${message}`, { field })
}
