import { QError } from '@qcore/errors'
import { Pool, type PoolClient, type QueryResult, type QueryResultRow } from 'pg'
import type { Logger } from '../logger.ts'

const connectTimeoutMs = 5_000

/** The database that handlers work with. */
export class Database implements AsyncDisposable {
  readonly #pool: Pool

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
    })
    // An idle connection that breaks is replaced.
    pool.on('error', (error) => logger.warn('a connection to the database broke', { error }))
    try {
      await pool.query('select 1')
    } catch (error) {
      await pool.end()
      const { hostname, port } = new URL(connectionString)
      throw new QError('unavailable', `cannot reach the database at ${hostname}:${port || '5432'}`, { cause: error })
    }
    return new Database(pool)
  }

  private constructor(pool: Pool) {
    this.#pool = pool
  }

  query<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<QueryResult<Row>> {
    return this.#pool.query<Row>(text, [...values])
  }

  connect(): Promise<PoolClient> {
    return this.#pool.connect()
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

/**
 * Runs work in a transaction. A statement whose error the work swallowed has aborted the transaction: PostgreSQL answers a
 * COMMIT with a ROLLBACK then, which is an error here. When the signal fires, the connection is closed: what the work still does
 * with it fails.
 */
export async function inTransaction<T>(
  database: Database,
  work: (client: PoolClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const client = await database.connect()
  let broken: Error | undefined
  // Between the statements of a handler nobody else listens.
  const onError = (error: Error): void => {
    broken = error
  }
  client.on('error', onError)
  try {
    await client.query('begin')
    const result = await work(client)
    const { command } = await client.query('commit')
    if (command !== 'COMMIT') {
      throw new Error('the transaction was rolled back: the error of one of its statements was not handed on')
    }
    return result
  } catch (error) {
    if (signal?.aborted === true) {
      broken = new Error('the connection is given up', { cause: error })
      throw error
    }
    // If this fails too, the first error says why, and the connection is of no use any more.
    await client.query('rollback').catch((failure: unknown) => {
      broken ??= failure instanceof Error ? failure : new Error('the connection broke')
    })
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}
