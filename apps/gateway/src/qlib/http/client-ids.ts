import { randomUUID } from 'node:crypto'
import { QError } from '@qcore/errors'
import type { Identity } from '../../websocket/identity.ts'
import { openSession, type QlibContext } from '../qlib-context.ts'
import type { Session } from '../session.ts'
import { webDialect } from '../web/web-dialect.ts'

/** Clients over HTTP at a time. */
const mostClients = 10_000

/** A client that has an id. */
export interface HttpClient {
  readonly session: Session
  readonly timeoutMs: number
  readonly identity: Identity
}

/** The clients that come over HTTP: each has an id, which it may not leave unused for long. */
export class ClientIds implements AsyncDisposable {
  readonly #context: QlibContext
  readonly #clients = new Map<string, HttpClient & { timer: NodeJS.Timeout }>()

  constructor(context: QlibContext) {
    this.#context = context
  }

  /** Begins to serve a client, and returns its id: who knows it is that client. */
  async open(identity: Identity, timeoutMs: number): Promise<string> {
    if (this.#clients.size >= mostClients) {
      throw new QError('overloaded', `${mostClients} clients have ids at this gateway; retry after a moment`)
    }
    const id = randomUUID()
    const { subject, token } = identity
    const onLost = (): void => void this.#end(id)
    const session = await openSession(this.#context, { dialect: webDialect, subject, token, onLost })
    const timer = setTimeout(onLost, timeoutMs)
    this.#clients.set(id, { session, timeoutMs, identity, timer })
    return id
  }

  /** A client, whose time begins again; undefined if the id has ended, or never was. */
  use(id: string): HttpClient | undefined {
    const client = this.#clients.get(id)
    if (client === undefined) return undefined
    if (client.identity.expiresAtMs <= Date.now()) {
      void this.#end(id)
      return undefined
    }
    clearTimeout(client.timer)
    client.timer = setTimeout(() => void this.#end(id), client.timeoutMs)
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#clients.keys()].map((id) => this.#end(id)))
  }

  async #end(id: string): Promise<void> {
    const client = this.#clients.get(id)
    if (client === undefined) return
    this.#clients.delete(id)
    clearTimeout(client.timer)
    await client.session[Symbol.asyncDispose]()
  }
}
