import { QError } from '@qcore/errors'
import type { Pool, PoolClient } from 'pg'

const connectTimeoutMs = 5_000

/** A connection of a pool, in bounded time also if the pool has no limit of its own. */
export async function takeConnection(pool: Pool, signal?: AbortSignal): Promise<PoolClient> {
  const connecting = pool.connect()
  const { promise: given, reject } = Promise.withResolvers<never>()
  const late = (): void => {
    reject(new QError('unavailable', `no connection to PostgreSQL in ${connectTimeoutMs} ms; nothing was done`))
  }
  const timer = setTimeout(late, connectTimeoutMs)
  signal?.addEventListener('abort', late)
  try {
    return await Promise.race([connecting, given])
  } catch (error) {
    connecting.then(
      (client) => client.release(),
      () => undefined,
    )
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', late)
  }
}

/** A connection that is kept, and tells when it breaks. Disposing closes it. */
export class HeldConnection implements Disposable {
  readonly client: PoolClient
  readonly #broken = new AbortController()
  #isClosed = false

  constructor(client: PoolClient) {
    this.client = client
    client.on('error', (error) => this.#broken.abort(error))
    client.on('end', () => this.#broken.abort(new Error('the connection was closed')))
  }

  /** Aborted, with the error as reason, when the connection is lost. */
  get broken(): AbortSignal {
    return this.#broken.signal
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.client.release(true)
  }
}
