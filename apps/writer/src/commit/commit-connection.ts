import type { Pool, PoolClient } from '@qcore/database'

/** The one connection that commits: kept, so that its statements stay prepared, until it breaks. */
export class CommitConnection implements AsyncDisposable {
  readonly #pool: Pool
  #connection: PoolClient | undefined
  #opening: Promise<PoolClient> | undefined

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Whether there is a connection that has not broken. */
  get isOpen(): boolean {
    return this.#connection !== undefined
  }

  /** The connection, if there is one that has not broken. */
  get current(): PoolClient | undefined {
    return this.#connection
  }

  /** The connection; a new one if the last one broke. */
  async open(): Promise<PoolClient> {
    if (this.#connection !== undefined) return this.#connection
    // The pool has no second one to give.
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Closes the connection, whatever it is doing. */
  discard(): void {
    if (this.#connection !== undefined) this.#forget(this.#connection)
  }

  async #connect(): Promise<PoolClient> {
    const connection = await this.#pool.connect()
    connection.once('error', () => this.#forget(connection))
    connection.once('end', () => this.#forget(connection))
    this.#connection = connection
    return connection
  }

  #forget(connection: PoolClient): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    // A second error of a connection that is thrown away is no news.
    connection.on('error', () => undefined)
    connection.release(true)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.discard()
    return Promise.resolve()
  }
}
