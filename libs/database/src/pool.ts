import { Socket } from 'node:net'
import { Pool, types, type ClientConfig } from 'pg'

export type { Pool, PoolClient } from 'pg'

/** A connection that does not come about in this time counts as failed. */
const connectionTimeoutMs = 5_000
/** A statement that runs longer is ended by the server; one that gets no answer, a little later, by the client. */
const standardStatementTimeoutMs = 30_000
export const answerTimeoutMs = 2_000
/** What still runs when a pool is closed may end within this time. */
const closeTimeoutMs = 1_000

export interface DatabaseOptions {
  /** `postgres://…`, with the database. */
  address: string
  /** The store: the PostgreSQL schema that all names are looked up in. */
  store: string
  /** Shown in pg_stat_activity. */
  applicationName: string
  /** Settings of PostgreSQL for the connection, besides the schema and the time-out of statements. */
  settings?: Readonly<Record<string, string>>
  /** After which the server ends a statement. Default 30 seconds. */
  statementTimeoutMs?: number
}

/**
 * Settings of connections whose statements name their rows, or take the first ones of an index. PostgreSQL's statistics lag behind
 * tables that fill, or in which every row is soon something else: by them, and with plans from when a table was small, it would
 * read whole tables. Planning anew for each parameter takes longer than most of these statements, as compiling does.
 */
export const keyedSettings = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
} as const

/** Anything that statements can be sent to: a pool, or a connection with a transaction. */
export type Executor = Pick<Pool, 'query'>

/**
 * A pool of connections to a store's schema. Bigints come as numbers: revisions and microseconds stay below 2^53.
 *
 * @param options `min` connections are kept however long nobody uses them
 * @param onError gets the errors of idle connections, for example when the server stops
 */
export function openPool(
  options: DatabaseOptions & { max: number; min?: number },
  onError: (error: Error) => void,
): Pool {
  const open = new Set<Socket>()
  const stream = (): Socket => {
    const socket = new Socket()
    open.add(socket)
    return socket.once('close', () => open.delete(socket))
  }
  const { max, min = 0 } = options
  const pool = new Pool({ ...connectionConfig(options), max, min, idleTimeoutMillis: 30_000, stream })
  pool.on('error', onError)
  // The statement that runs fails with it; an error event that nobody listens to would end the process.
  pool.on('connect', (connection) => connection.on('error', () => undefined))
  sockets.set(pool, open)
  return pool
}

const sockets = new WeakMap<Pool, ReadonlySet<Socket>>()

/**
 * Closes a pool of `openPool`, with its connections. Those that a server which hangs would keep for ever are cut off after
 * a second; their statements fail.
 */
export async function closePool(pool: Pool): Promise<void> {
  const open = [...(sockets.get(pool) ?? [])]
  const closed = Promise.all(open.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
  const cut = setTimeout(() => {
    for (const socket of open) socket.destroy()
  }, closeTimeoutMs)
  // It ends when everybody has given his connection back, which may be never; the sockets tell when they are gone.
  pool.end().catch(() => undefined)
  await closed
  clearTimeout(cut)
}

/** The settings of a connection to a store's schema. */
export function connectionConfig(options: DatabaseOptions): ClientConfig {
  const { address, store, applicationName, settings = {} } = options
  const { statementTimeoutMs = standardStatementTimeoutMs } = options
  const further = Object.entries(settings).map(([name, value]) => ` -c ${name}=${value}`)
  return {
    connectionString: address,
    application_name: applicationName,
    options: `-c search_path=${store} -c statement_timeout=${statementTimeoutMs}${further.join('')}`,
    connectionTimeoutMillis: connectionTimeoutMs,
    query_timeout: statementTimeoutMs + answerTimeoutMs,
    keepAlive: true,
    types: { getTypeParser: typeParser },
  }
}

/** The OID of bigint[], which pg has no name for. */
const int8Array = 1_016

type TypeId = Parameters<typeof types.getTypeParser>[0]

function typeParser(typeId: TypeId, format?: 'text' | 'binary'): unknown {
  if (format !== 'binary') {
    if (typeId === types.builtins.INT8) return Number
    if ((typeId as number) === int8Array) return parseInt8Array
  }
  return types.getTypeParser(typeId, format)
}

/** Of an array without nulls, in PostgreSQL's text form: `{1,2}`. */
function parseInt8Array(text: string): number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(Number)
}
