import { randomUUID } from 'node:crypto'
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import { bearerToken, requireScope, type TokenVerifier } from '@qcore/access'
import { AccessLevel, hookConnectionSubject, hookSubject } from '@qcore/contracts'
import type { Logger } from '@qcore/service'
import { dueFrame, type DueFrame } from './due-frame.ts'
import { service } from './hello.ts'

/** What became of an occurrence at a connection. */
export type HookAnswer = 'acknowledged' | 'sent' | 'closed'

/** An occurrence that a connection is given. */
export interface HookDelivery {
  readonly frame: DueFrame
  readonly needsAck: boolean
  /** Until when somebody waits for the answer, on the clock of `performance.now()`. */
  readonly untilMs: number
  /** Tells what became of it. */
  readonly answer: (answer: HookAnswer) => void
}

export interface HooksOptions {
  readonly connection: NatsConnection
  readonly store: string
  readonly verifier: TokenVerifier
  readonly logger: Logger
}

/** Longer than any scheduler waits. */
const mostWaitMs = 600_000

interface HookClient {
  readonly ids: Set<string>
  readonly subscription: Subscription
}

/** The connections of client-hooks at this gateway, which schedulers find by the name of the client and give occurrences to. */
export class Hooks {
  readonly #options: HooksOptions
  readonly #clients = new Map<string, HookClient>()

  constructor(options: HooksOptions) {
    this.#options = options
  }

  /** Has a connection found, until it is disposed. Resolves when NATS knows. */
  async hold(clientName: string, onDelivery: (delivery: HookDelivery) => void): Promise<Disposable> {
    const { connection, store } = this.#options
    const id = randomUUID()
    const own = connection.subscribe(hookConnectionSubject(store, id), {
      callback: (error, message) => {
        if (error === null) void this.#receive(message, onDelivery)
      },
    })
    const client = this.#clientOf(clientName)
    client.ids.add(id)
    using held = new DisposableStack()
    held.defer(() => {
      client.ids.delete(id)
      if (connection.isClosed()) return
      own.unsubscribe()
      if (client.ids.size > 0) return
      client.subscription.unsubscribe()
      this.#clients.delete(clientName)
    })
    await connection.flush()
    return held.move()
  }

  #clientOf(clientName: string): HookClient {
    const present = this.#clients.get(clientName)
    if (present !== undefined) return present
    const { connection, store } = this.#options
    const ids = new Set<string>()
    const subscription = connection.subscribe(hookSubject(store, clientName), {
      callback: (error, message) => {
        if (error === null) message.respond(JSON.stringify([...ids]))
      },
    })
    const client = { ids, subscription }
    this.#clients.set(clientName, client)
    return client
  }

  /** Only the platform itself may have clients believe that something is due. */
  async #receive(message: Msg, onDelivery: (delivery: HookDelivery) => void): Promise<void> {
    const { verifier, logger, store } = this.#options
    try {
      const claims = await verifier.verify(bearerToken({ get: (name) => message.headers?.get(name) ?? null }))
      requireScope(claims, { store, service })
      const frame = dueFrame(message.string())
      if (claims.level < AccessLevel.ADMIN || frame === undefined) return
      const waitMs = Math.min(Number(message.headers?.get('Q-Timeout-Ms') ?? 0) || 0, mostWaitMs)
      onDelivery({
        frame,
        needsAck: message.headers?.get('Q-Ack') !== 'none',
        untilMs: performance.now() + waitMs,
        answer: (answer) => void message.respond(answer),
      })
    } catch (error) {
      logger.warn({ err: error }, 'an occurrence for a client was not given to it')
    }
  }
}
