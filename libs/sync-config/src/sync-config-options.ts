import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { QError } from '@qcore/errors'
import type { Pool } from 'pg'
import { checkChannel, configChannel, storeNames, type StoreNames } from './store-names.ts'

/** Where and how a store is opened. Every option but the first two has a default. */
export interface SyncConfigOptions {
  /** `postgres://…`, with the database. This, or `pool`. */
  readonly address?: string
  /** A pool of the application, which stays its own. One of its connections is kept, so it needs two. */
  readonly pool?: Pool
  /** The PostgreSQL schema. Default `public`. */
  readonly schema?: string
  /** Default `sync_config`. Its store has further tables and functions, whose names begin with it. */
  readonly tableName?: string
  /** On which changes are announced. Default `config_changes`. */
  readonly channel?: string
  /** How often the cache is compared with the table. Default five minutes. */
  readonly heartbeatIntervalMs?: number
  /** The longest wait between two attempts to connect. Default ten seconds. */
  readonly reconnectIntervalMs?: number
  /** Whether a heartbeat that finds a difference repairs it. Default true; false counts and warns only. */
  readonly syncOnMismatch?: boolean
  /** Whether changes are listened for. Default true; without, those of others come with a check every 15 seconds, or the heartbeat. */
  readonly enableNotification?: boolean
  /** Whether missing tables are made. Default true. */
  readonly createTable?: boolean
  /** How long to wait for PostgreSQL at the start. Default 0: the first failure is thrown. */
  readonly startTimeoutMs?: number
  /** How long the history is kept. Default 90 days. */
  readonly historyMs?: number
  /** Names the instance, uniquely. Default: host name, process id and a random part. */
  readonly instanceId?: string
  /** Recorded with changes that name none. Default: the role in PostgreSQL. */
  readonly author?: string
  /** Gets what went wrong and is being dealt with: a lost connection, a difference, a callback that threw, a value of another type. */
  readonly onProblem?: (problem: ConfigProblem) => void
}

export interface ConfigProblem {
  readonly kind: 'connection' | 'mismatch' | 'callback' | 'type'
  /** For people. */
  readonly message: string
  readonly error?: unknown
}

export type SyncConfigSettings = Required<Omit<SyncConfigOptions, 'address' | 'pool' | 'schema' | 'tableName'>> & {
  readonly names: StoreNames
}

/** Timers of JavaScript go no further. */
const longestTimerMs = 2_147_483_647
const shortestIntervalMs = 10

/** @throws QError `configuration` that names the option */
export function readOptions(options: SyncConfigOptions): SyncConfigSettings {
  const { schema = 'public', tableName = 'sync_config', channel = configChannel } = options
  checkChannel(channel)
  if ((options.address === undefined) === (options.pool === undefined)) {
    throw new QError('configuration', 'either address or pool is needed', { field: 'address' })
  }
  if (options.pool !== undefined && (options.pool.options.max ?? 10) < 2) {
    throw new QError('configuration', 'pool: two connections are needed, of which one is kept', { field: 'pool' })
  }
  return {
    names: storeNames(schema, tableName),
    channel,
    heartbeatIntervalMs: interval('heartbeatIntervalMs', options.heartbeatIntervalMs ?? 300_000),
    reconnectIntervalMs: interval('reconnectIntervalMs', options.reconnectIntervalMs ?? 10_000),
    syncOnMismatch: options.syncOnMismatch ?? true,
    enableNotification: options.enableNotification ?? true,
    createTable: options.createTable ?? true,
    startTimeoutMs: interval('startTimeoutMs', options.startTimeoutMs ?? 0, 0),
    historyMs: interval('historyMs', options.historyMs ?? 90 * 86_400_000, 0, Number.MAX_SAFE_INTEGER),
    instanceId: options.instanceId ?? `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`,
    author: options.author ?? '',
    onProblem: (problem) => {
      try {
        options.onProblem?.(problem)
      } catch {
        // Whoever reports problems has none to report his own to, and nothing here depends on him.
      }
    },
  }
}

function interval(field: string, value: number, least = shortestIntervalMs, most = longestTimerMs): number {
  if (!Number.isFinite(value) || value < least || value > most) {
    throw new QError('configuration', `${field}: ${value} is not between ${least} and ${most} milliseconds`, { field })
  }
  return value
}
