import { Socket } from 'node:net'
import { Pool, type PoolClient } from 'pg'
import { isStatementError, readError, writeError } from './database-error.ts'
import { takeConnection } from './held-connection.ts'
import type { SyncConfigOptions } from './sync-config-options.ts'

/** One that is kept to listen, and some to write. */
const ownConnections = 4
const connectTimeoutMs = 5_000
/** For a lock, which a transaction of somebody else may hold. Below the time in which an answer must come. */
const lockTimeoutMs = 5_000
/** What is on its way at the end may take so long. */
const endMs = 1_000

/** The connections of an instance: of a pool of its own, or of the application's. */
export class Connections implements AsyncDisposable {
  readonly pool: Pool
  readonly #isOwn: boolean
  /** Of the own pool, also while they connect. */
  readonly #sockets = new Set<Socket>()

  constructor({ address, pool }: Pick<SyncConfigOptions, 'address' | 'pool'>) {
    this.#isOwn = pool === undefined
    this.pool =
      pool ??
      new Pool({
        ...(address === undefined ? {} : { connectionString: address }),
        application_name: 'qcore-sync-config',
        max: ownConnections,
        connectionTimeoutMillis: connectTimeoutMs,
        lock_timeout: lockTimeoutMs,
        keepAlive: true,
        stream: () => this.#openSocket(),
      })
    // A connection that breaks while idle is replaced by the next call.
    if (this.#isOwn) this.pool.on('error', () => undefined)
  }

  /** Runs a reading statement. @throws QError */
  async read<T>(statement: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.#run(statement, readError)
  }

  /** Runs a writing statement. @throws QError; `outcome_unknown` if nobody knows whether it was carried out */
  async write<T>(statement: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.#run(statement, writeError)
  }

  async #run<T>(statement: (client: PoolClient) => Promise<T>, toQError: (error: unknown) => Error): Promise<T> {
    const client = await takeConnection(this.pool).catch((error: unknown) => {
      throw readError(error)
    })
    // Whoever runs the statement gets the error too.
    const ignore = (): void => undefined
    client.on('error', ignore)
    let isBroken = false
    try {
      return await statement(client)
    } catch (error) {
      isBroken = !isStatementError(error)
      throw toQError(error)
    } finally {
      client.off('error', ignore)
      client.release(isBroken)
    }
  }

  /** Waits a moment for what is on its way, and closes the pool if it is the instance's own. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOwn) return
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, endMs)
    await this.pool.end()
    clearTimeout(timer)
  }

  #openSocket(): Socket {
    const socket = new Socket()
    this.#sockets.add(socket)
    return socket.on('close', () => this.#sockets.delete(socket))
  }
}
