import { Pool, types, type ClientConfig } from 'pg'

export type { Pool, PoolClient } from 'pg'

/** A connection that does not come about in this time counts as failed. */
const connectionTimeoutMs = 5_000
/** A statement that runs longer is ended by the server; one that gets no answer, a little later, by the client. */
const standardStatementTimeoutMs = 30_000
const answerTimeoutMs = 2_000

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

/** Anything that statements can be sent to: a pool, or a connection with a transaction. */
export type Executor = Pick<Pool, 'query'>

/**
 * A pool of connections to a store's schema. Bigints come as numbers: revisions and microseconds stay below 2^53.
 *
 * @param onError gets the errors of idle connections, for example when the server stops
 */
export function openPool(options: DatabaseOptions & { max: number }, onError: (error: Error) => void): Pool {
  const pool = new Pool({ ...connectionConfig(options), max: options.max, idleTimeoutMillis: 30_000 })
  pool.on('error', onError)
  return pool
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
