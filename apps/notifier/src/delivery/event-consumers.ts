import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiError,
  jetstreamManager,
  type ConsumerInfo,
  type JetStreamManager,
} from '@nats-io/jetstream'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import { eventPositionHeader, eventStreamName, eventSubject, type Event } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { eventFromHeaders, parseEventPosition } from '@qcore/model'
import { comparePlaces, type EventPlace, type SubscriptionRow } from './sql/subscription-row.ts'
import { loadSubscription, markConsumer } from './sql/subscriptions.ts'

const apiTimeoutMs = 3_000
/** Codes of JetStream. */
const consumerNotFound = 10_014
const streamNotFound = 10_059
/** Events of a group that may wait for answers at a time, on all nodes together. */
const mostUnanswered = 50_000
/** Subscriptions whose namespaces are remembered. */
const mostRemembered = 10_000

/** The durable consumers of the stream of events, one a subscription. What they are is in PostgreSQL. */
export class EventConsumers {
  readonly #connection: NatsConnection
  readonly #store: string
  readonly #pool: Executor
  readonly #namespaces = new Map<string, string>()

  constructor(connection: NatsConnection, store: string, pool: Executor) {
    this.#connection = connection
    this.#store = store
    this.#pool = pool
  }

  get stream(): string {
    return eventStreamName(this.#store)
  }

  /**
   * Makes the consumer of a subscription if it is missing, and changes it if the subscription was changed. Gives the subscription
   * as it is; undefined: it was deleted.
   *
   * @throws QError `unavailable` when JetStream, or the stream, is not there
   */
  async ensure(subscription: SubscriptionRow): Promise<SubscriptionRow | undefined> {
    const manager = await this.#manager()
    const { ackMs, inOrder } = subscription
    const wanted = { ack_wait: nanos(ackMs), max_ack_pending: inOrder ? 1 : mostUnanswered }
    const info = await this.#info(manager, subscription.id)
    if (info !== undefined) {
      const { ack_wait: ackWait, max_ack_pending: most } = info.config
      if (ackWait !== wanted.ack_wait || most !== wanted.max_ack_pending) {
        await passing(manager.consumers.update(this.stream, subscription.id, { ...info.config, ...wanted }))
      }
      return subscription
    }
    const marked = await markConsumer(this.#pool, subscription.id)
    if (marked === undefined) return undefined
    await this.#create(manager, marked, wanted)
    return marked
  }

  /** The namespace of a subscription, which never changes; undefined if there is none. */
  async namespaceOf(id: string): Promise<string | undefined> {
    const known = this.#namespaces.get(id)
    if (known !== undefined) return known
    const namespace = (await readDatabase(loadSubscription(this.#pool, id)))?.namespace
    if (namespace === undefined) return undefined
    if (this.#namespaces.size >= mostRemembered) this.#namespaces.clear()
    this.#namespaces.set(id, namespace)
    return namespace
  }

  /** How far a consumer is; undefined if there is none. */
  async info(id: string): Promise<ConsumerInfo | undefined> {
    return this.#info(await this.#manager(), id)
  }

  /** The place of the event that a message of the stream is; undefined if it is not there any more. */
  async placeAt(sequence: number): Promise<EventPlace | undefined> {
    return this.#placeAt(await this.#manager(), sequence)
  }

  /** The event that a message of the stream is; undefined if it is not there any more. */
  async eventAt(sequence: number): Promise<Event | undefined> {
    const manager = await this.#manager()
    const message = await passing(manager.streams.getMessage(this.stream, { seq: sequence }))
    return message === null ? undefined : eventFromHeaders((name) => message.header.get(name), message.string())
  }

  async delete(id: string): Promise<void> {
    const manager = await this.#manager()
    try {
      await manager.consumers.delete(this.stream, id)
    } catch (error) {
      if (!isApiError(error, consumerNotFound, streamNotFound)) throw unavailable(error)
    }
  }

  async #create(
    manager: JetStreamManager,
    { id, namespace, pattern, floorRevision, floorIndex }: SubscriptionRow,
    limits: { ack_wait: number; max_ack_pending: number },
  ): Promise<void> {
    const floor = { revision: floorRevision, index: floorIndex }
    const start = await this.#sequenceAfter(manager, floor)
    try {
      await manager.consumers.add(this.stream, {
        durable_name: id,
        filter_subject: eventSubject(this.#store, namespace, pattern),
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: start,
        max_deliver: -1,
        ...limits,
      })
    } catch (error) {
      // Another notifier may have been faster.
      if ((await this.#info(manager, id)) === undefined) throw unavailable(error)
    }
  }

  /** The sequence of the first message of the stream after a place, whose messages are in the order of places. */
  async #sequenceAfter(manager: JetStreamManager, place: EventPlace): Promise<number> {
    const { state } = await passing(manager.streams.info(this.stream))
    let [low, high] = [Math.max(1, state.first_seq), state.last_seq + 1]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const found = await this.#placeAt(manager, middle)
      // What is missing has become too old, like all before it.
      if (found === undefined || comparePlaces(found, place) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  async #placeAt(manager: JetStreamManager, sequence: number): Promise<EventPlace | undefined> {
    const message = await passing(manager.streams.getMessage(this.stream, { seq: sequence }))
    return message === null ? undefined : parseEventPosition(message.header.get(eventPositionHeader))
  }

  async #info(manager: JetStreamManager, id: string): Promise<ConsumerInfo | undefined> {
    try {
      return await manager.consumers.info(this.stream, id)
    } catch (error) {
      if (isApiError(error, consumerNotFound)) return undefined
      throw unavailable(error)
    }
  }

  #manager(): Promise<JetStreamManager> {
    return passing(jetstreamManager(this.#connection, { timeout: apiTimeoutMs, checkAPI: false }))
  }
}

function isApiError(error: unknown, ...codes: number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code)
}

function unavailable(error: unknown): QError {
  const isMissing = isApiError(error, streamNotFound)
  const text = isMissing ? 'the stream of events is not there yet' : 'JetStream does not answer'
  return new QError('unavailable', text, { cause: error })
}

async function passing<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw unavailable(error)
  }
}
