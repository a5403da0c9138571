import { createInbox, errors, headers, type NatsConnection } from '@nats-io/transport-node'
import { AccessLevel, hookConnectionSubject, hookSubject } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { LRUCache } from 'lru-cache'
import type { OwnTokens } from '../own-tokens.ts'

/** No gateway has answered: it is not known who is connected. */
const askMs = 1_000
/** After the first answer, others are waited for so long; what comes later is left out this time. */
const turnStallMs = 30
const broadcastStallMs = 300
/** The connections of a client that was asked for are believed for so long. */
const knownMs = 1_000
const mostKnown = 10_000

/** What became of an occurrence at a connection: `gone`, the connection had ended before. */
export type HookOutcome = 'acknowledged' | 'sent' | 'closed' | 'gone' | 'silent'

export interface HookConnectionsOptions {
  readonly connection: NatsConnection
  readonly store: string
  readonly tokens: OwnTokens
}

/** The connections of client-hooks at all gateways. */
export class HookConnections {
  readonly #options: HookConnectionsOptions
  readonly #known = new LRUCache<string, readonly string[]>({ max: mostKnown, ttl: knownMs })
  readonly #last = new LRUCache<string, string>({ max: mostKnown })

  constructor(options: HookConnectionsOptions) {
    this.#options = options
  }

  /** The connections of a client, in the order in which it is their turn. */
  async inTurn(clientName: string): Promise<readonly string[]> {
    const known = this.#known.get(clientName) ?? (await this.#ask(clientName, turnStallMs))
    if (known.length > 0) this.#known.set(clientName, known, { noUpdateTTL: true })
    const last = this.#last.get(clientName) ?? ''
    const next = known.findIndex((id) => id > last)
    const order = next <= 0 ? known : [...known.slice(next), ...known.slice(0, next)]
    const [first] = order
    if (first !== undefined) this.#last.set(clientName, first)
    return order
  }

  /** All connections of a client. */
  all(clientName: string): Promise<readonly string[]> {
    return this.#ask(clientName, broadcastStallMs)
  }

  /** Forgets who is connected. */
  forget(clientName: string): void {
    this.#known.delete(clientName)
  }

  /** Gives an occurrence to a connection, and waits for what becomes of it. */
  async give(
    connectionId: string,
    body: string,
    { needsAck, timeoutMs }: { needsAck: boolean; timeoutMs: number },
  ): Promise<HookOutcome> {
    const { connection, store, tokens } = this.#options
    const named = headers()
    named.set('authorization', `Bearer ${await tokens.get(AccessLevel.ADMIN, [`store:${store}`])}`)
    named.set('Q-Timeout-Ms', String(timeoutMs))
    if (!needsAck) named.set('Q-Ack', 'none')
    try {
      const options = { headers: named, timeout: timeoutMs }
      const reply = (await connection.request(hookConnectionSubject(store, connectionId), body, options)).string()
      return reply === 'acknowledged' || reply === 'sent' ? reply : 'closed'
    } catch (error) {
      if (error instanceof errors.TimeoutError) return 'silent'
      if (error instanceof errors.RequestError && error.isNoResponders()) return 'gone'
      throw error
    }
  }

  /** Asks all gateways. Throws `unavailable` if NATS cannot be reached. */
  async #ask(clientName: string, stallMs: number): Promise<readonly string[]> {
    const { connection, store } = this.#options
    const found = new Set<string>()
    const inbox = createInbox()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const unreachable = new QError('unavailable', 'nobody says which connections there are')
    let timer = setTimeout(reject, askMs, unreachable)
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) return reject(error)
        if (message.data.length === 0 && message.headers?.code === 503) return resolve()
        for (const id of message.json<string[]>()) found.add(id)
        clearTimeout(timer)
        timer = setTimeout(resolve, stallMs)
      },
    })
    try {
      connection.publish(hookSubject(store, clientName), '', { reply: inbox })
      await promise
      return [...found].sort()
    } finally {
      clearTimeout(timer)
      if (!connection.isClosed()) subscription.unsubscribe()
    }
  }
}
