import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  type ConsumerMessages,
  type JsMsg,
} from '@nats-io/jetstream'
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import { createClient, type Client, type Transport } from '@connectrpc/connect'
import { AccessLevel, eventStreamName, eventSubject, OccurrenceService, type Event } from '@qcore/contracts'
import { eventFromHeaders } from '@qcore/model'
import type { Logger } from '@qcore/service'
import type { GatewayConfig } from '../../config.ts'
import { MintedToken } from '../../tokens/minted-token.ts'
import { clientType, namespace } from '../event-action.ts'
import { dueFrame, readTold } from './due-frame.ts'

const subject = 'gateway'
/** After which a frame that was not acknowledged is sent again, to any connection of the client, in nanoseconds. */
const ackWaitNs = 30_000_000_000
/** As of the original. */
const mostAttempts = 3
/** Frames that a connection has and did not acknowledge. */
const mostUnacknowledged = 16
/** How long it is kept where a client is, that does not come: longer than events are. In nanoseconds. */
const keptNs = 30 * 24 * 3_600_000_000_000
const occurrenceTimeoutMs = 2_000

export interface DueEventsOptions {
  readonly connection: NatsConnection
  readonly transport: Transport
  readonly config: GatewayConfig
  readonly logger: Logger
}

export type DueFrame = ReturnType<typeof dueFrame>

/** Something that is due, and has to be acknowledged. */
export interface Delivery {
  readonly frame: DueFrame
  ack(): void
}

/** Events that are due, for those who listen. All listeners for tags at a gateway share a subscription. */
export class DueEvents implements Disposable {
  readonly #options: DueEventsOptions
  readonly #occurrences: Client<typeof OccurrenceService>
  readonly #token: MintedToken
  readonly #listeners = new Map<(frame: DueFrame) => void, ReadonlySet<string>>()
  #subscription: Subscription | undefined

  constructor(options: DueEventsOptions) {
    this.#options = options
    this.#occurrences = createClient(OccurrenceService, options.transport)
    const { authSecret: secret, store } = options.config
    this.#token = new MintedToken({ secret, store, subject, level: AccessLevel.ADMIN })
  }

  /** Tells of everything from now on that has one of the tags. */
  listen(tags: readonly string[], onFrame: (frame: DueFrame) => void): Disposable {
    this.#listeners.set(onFrame, new Set(tags))
    this.#subscription ??= this.#subscribe()
    return { [Symbol.dispose]: () => void this.#listeners.delete(onFrame) }
  }

  /**
   * What is due for a client, each for one of its connections, at whatever gateway. What is not acknowledged comes again.
   * Iterating ends when the messages are stopped.
   */
  async receive(
    clientName: string,
  ): Promise<{ messages: ConsumerMessages; deliveryOf: (message: JsMsg) => Promise<Delivery | undefined> }> {
    const { connection, config } = this.#options
    const { store } = config
    const name = Buffer.from(clientName).toString('hex')
    const durable = `qhronos_${name}`
    const manager = await jetstreamManager(connection)
    await manager.consumers.add(eventStreamName(store), {
      durable_name: durable,
      filter_subject: eventSubject(store, namespace, `${clientType}.${name}`),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ackWaitNs,
      max_deliver: mostAttempts,
      max_ack_pending: 1_000,
      inactive_threshold: keptNs,
    })
    const consumer = await jetstream(connection).consumers.get(eventStreamName(store), durable)
    const messages = await consumer.consume({ max_messages: mostUnacknowledged })
    return { messages, deliveryOf: (message) => this.#deliveryOf(message) }
  }

  [Symbol.dispose](): void {
    this.#subscription?.unsubscribe()
    this.#listeners.clear()
  }

  async #deliveryOf(message: JsMsg): Promise<Delivery | undefined> {
    const frame = await this.#frameOf((header) => message.headers?.get(header) ?? '', message.string())
    if (frame !== undefined) return { frame, ack: () => message.ack() }
    message.term('it is no event of the interface')
    return undefined
  }

  #subscribe(): Subscription {
    const { connection, config } = this.#options
    return connection.subscribe(eventSubject(config.store, namespace, '>'), {
      callback: (error, message) => {
        if (error === null && this.#listeners.size > 0) void this.#tell(message)
      },
    })
  }

  async #tell(message: Msg): Promise<void> {
    try {
      const payload = message.string()
      const tags = new Set(readTold(payload)?.tags)
      const hearing = [...this.#listeners].filter(([, wanted]) => !tags.isDisjointFrom(wanted))
      if (hearing.length === 0) return
      const frame = await this.#frameOf((header) => message.headers?.get(header) ?? '', payload)
      if (frame !== undefined) for (const [onFrame] of hearing) onFrame(frame)
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'an event could not be told to those who listen')
    }
  }

  async #frameOf(header: (name: string) => string, payload: string): Promise<DueFrame | undefined> {
    const event = eventFromHeaders(header, payload)
    const told = event === undefined ? undefined : readTold(payload)
    return event === undefined || told === undefined
      ? undefined
      : dueFrame(told, event, await this.#occurrenceOf(event))
  }

  /** Undefined if nobody can tell: what is due is told all the same. */
  async #occurrenceOf({ correlationId: occurrenceId }: Event) {
    try {
      const headers = { authorization: `Bearer ${await this.#token.get()}` }
      const options = { headers, timeoutMs: occurrenceTimeoutMs }
      return (await this.#occurrences.getOccurrence({ occurrenceId }, options)).occurrence
    } catch {
      return undefined
    }
  }
}
