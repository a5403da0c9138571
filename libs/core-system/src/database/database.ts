import { QError } from '@qcore/errors'
import { Pool, type PoolClient, type QueryResult, type QueryResultRow } from 'pg'
import type { Logger } from '../logger.ts'
import { inTransaction } from './transaction.ts'
import { Turns } from './turns.ts'

const connectTimeoutMs = 5_000

/** The database that handlers work with. */
export class Database implements AsyncDisposable {
  readonly #pool: Pool
  readonly #turns: Turns
  /** How long a statement waits for a lock, as the connection string, the role or the database says. */
  readonly lockTimeout: string

  /**
   * Connects.
   *
   * @throws QError `unavailable`, with the host and the port
   */
  static async open(
    connectionString: string,
    { max, application, logger }: { max: number; application: string; logger: Logger },
  ): Promise<Database> {
    const pool = new Pool({
      connectionString,
      max,
      application_name: application,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    })
    // An idle connection that breaks is replaced.
    pool.on('error', (error) => logger.warn('a connection to the database broke', { error }))
    try {
      const { rows } = await pool.query<{ lock_timeout: string }>('show lock_timeout')
      return new Database(pool, { max, lockTimeout: rows[0]?.lock_timeout ?? '0' })
    } catch (error) {
      await pool.end()
      const { hostname, port } = new URL(connectionString)
      throw new QError('unavailable', `cannot reach the database at ${hostname}:${port || '5432'}`, { cause: error })
    }
  }

  private constructor(pool: Pool, { max, lockTimeout }: { max: number; lockTimeout: string }) {
    this.#pool = pool
    this.#turns = new Turns(max)
    this.lockTimeout = lockTimeout
  }

  query<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<QueryResult<Row>> {
    return this.#pool.query<Row>(text, [...values])
  }

  connect(): Promise<PoolClient> {
    return this.#pool.connect()
  }

  /** Waits until a handler may have a connection: no more of them run at a time than there are. Disposing ends its turn. */
  turn(signal: AbortSignal): Promise<Disposable> {
    return this.#turns.take(signal)
  }

  /** Runs work in a transaction, which an error rolls back. */
  withTransaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    return inTransaction(this, work)
  }

  getPool(): Pool {
    return this.#pool
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end()
  }
}
