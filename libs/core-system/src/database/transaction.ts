import type { PoolClient } from 'pg'
import type { Database } from './database.ts'

/** The connection broke. If that was while the transaction was committed, it is not known whether it is. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

export interface TransactionOptions {
  /** When it fires, the connection is closed, whatever runs on it: what the work still does with it fails. */
  readonly signal?: AbortSignal
  /** The statements that begin it. */
  readonly begin?: string
}

/**
 * Runs work in a transaction. A statement whose error the work swallowed has aborted the transaction: PostgreSQL answers a
 * COMMIT with a ROLLBACK then, which is an error here.
 *
 * @throws ConnectionLost
 */
export async function inTransaction<T>(
  database: Database,
  work: (client: PoolClient) => Promise<T>,
  { signal, begin = 'begin' }: TransactionOptions = {},
): Promise<T> {
  signal?.throwIfAborted()
  const connection = new Connection(await database.connect())
  const { client } = connection
  const close = (): void => connection.close()
  signal?.addEventListener('abort', close)
  let isCommitting = false
  try {
    signal?.throwIfAborted()
    await client.query(begin)
    const result = await work(client)
    isCommitting = true
    const { command } = await client.query('commit')
    if (command !== 'COMMIT') {
      throw new Error('the transaction was rolled back: the error of one of its statements was not handed on')
    }
    return result
  } catch (error) {
    if (signal?.aborted === true && !isCommitting) throw signal.reason
    if (await connection.rollBack()) throw error
    throw new ConnectionLost('the connection to the database broke', { cause: error })
  } finally {
    signal?.removeEventListener('abort', close)
    connection.release()
  }
}

/** A connection that is released once. */
class Connection {
  readonly client: PoolClient
  #broken: Error | undefined
  #isReleased = false

  constructor(client: PoolClient) {
    this.client = client
    // Between the statements of a handler nobody else listens.
    client.on('error', this.#onError)
  }

  /** False: it is broken, or closed. */
  async rollBack(): Promise<boolean> {
    if (this.#isReleased) return false
    await this.client.query('rollback').catch((error: unknown) => {
      this.#broken ??= error instanceof Error ? error : new Error('the connection broke')
    })
    return this.#broken === undefined
  }

  close(): void {
    this.#broken ??= new Error('the connection is given up')
    this.release()
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    // The pool listens before this does not.
    this.client.release(this.#broken)
    this.client.off('error', this.#onError)
  }

  readonly #onError = (error: Error): void => {
    this.#broken = error
  }
}
