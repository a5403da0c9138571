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
import { readDatabase, transact, type Executor, type Pool } from '@qcore/database'
import { QError } from '@qcore/errors'
import { eventFromHeaders, messageFromEvent, parseEventPosition } from '@qcore/model'
import { consumerName, isConsumerName } from './delivery-id.ts'
import { takeOwnership, type Ownership } from './sql/owner.ts'
import { comparePlaces, type EventPlace, type SubscriptionRow } from './sql/subscription-row.ts'
import { loadConsumers, loadSubscription, lockSubscription, markConsumer } from './sql/subscriptions.ts'

const apiTimeoutMs = 3_000
/** Codes of JetStream. */
const consumerNotFound = 10_014
const streamNotFound = 10_059
/** Of a subscription with an order: its owner minds the time itself. */
const orderedAckMs = 86_400_000
/** Events of a group that may wait for answers at a time, on all nodes together. */
const mostUnanswered = 50_000
/** Subscriptions whose namespaces are remembered. */
const mostRemembered = 10_000

type ConsumerKey = Pick<SubscriptionRow, 'id' | 'consumerUs'>

/**
 * The durable consumers of the stream of events, one a subscription. What they are is in PostgreSQL. One that is made anew has
 * another name: an answer for the former one would name another event of a stream that was filled again.
 */
export class EventConsumers {
  readonly #connection: NatsConnection
  readonly #store: string
  readonly #pool: Pool
  readonly #namespaces = new Map<string, string>()

  constructor(connection: NatsConnection, store: string, pool: Pool) {
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
    const wanted = limitsOf(subscription)
    const info = await this.#info(manager, consumerName(subscription))
    if (info === undefined) return this.#remake(manager, subscription)
    const { ack_wait: ackWait, max_ack_pending: most } = info.config
    if (ackWait !== wanted.ack_wait || most !== wanted.max_ack_pending) {
      await passing(manager.consumers.update(this.stream, info.name, { ...info.config, ...wanted }))
    }
    return subscription
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
  async info(subscription: ConsumerKey): Promise<ConsumerInfo | undefined> {
    return this.#info(await this.#manager(), consumerName(subscription))
  }

  /** The place of the event that a message of the stream is; undefined if it is not there any more. */
  async placeAt(sequence: number): Promise<EventPlace | undefined> {
    return this.#placeAt(await this.#manager(), sequence)
  }

  /** The event that a message of the stream is; undefined if it is not there any more. */
  async eventAt(sequence: number): Promise<Event | undefined> {
    const manager = await this.#manager()
    const message = await passing(manager.streams.getMessage(this.stream, { seq: sequence }))
    const event = message === null ? undefined : eventFromHeaders((name) => message.header.get(name), message.string())
    return event === undefined ? undefined : messageFromEvent(event)
  }

  async delete(subscription: ConsumerKey): Promise<void> {
    await this.#delete(await this.#manager(), consumerName(subscription))
  }

  async #delete(manager: JetStreamManager, name: string): Promise<void> {
    try {
      await manager.consumers.delete(this.stream, name)
    } catch (error) {
      if (!isApiError(error, consumerNotFound, streamNotFound)) throw unavailable(error)
    }
  }

  /** Deletes consumers of subscriptions that are no more, or have another one: who replaced them may have died before. */
  async sweep(olderThanMs: number): Promise<void> {
    const manager = await this.#manager()
    const found = await this.#listOlder(manager, olderThanMs)
    if (found.length === 0) return
    const known = new Set((await readDatabase(loadConsumers(this.#pool))).map(consumerName))
    for (const name of found) if (!known.has(name)) await this.#delete(manager, name)
  }

  /** Names of consumers. Somebody may make one just now whose row says so in a moment. */
  async #listOlder(manager: JetStreamManager, olderThanMs: number): Promise<string[]> {
    const names: string[] = []
    try {
      for await (const { name, created } of manager.consumers.list(this.stream)) {
        if (isConsumerName(name) && Date.now() - Date.parse(created) >= olderThanMs) names.push(name)
      }
    } catch (error) {
      // The writer makes the stream when it first leads: until then there are none.
      if (!isApiError(error, streamNotFound)) throw error
    }
    return names
  }

  /**
   * Makes a stream of a node the one that gives out the events of a subscription with an order, and its consumer anew: it has all
   * that is not handled, in order. `taken`: another stream does; `gone`: it was deleted, or has no order any more.
   *
   * @throws QError `unavailable`
   */
  async own(
    { id: subscriptionId }: SubscriptionRow,
    owner: Omit<Ownership, 'subscriptionId'>,
  ): Promise<SubscriptionRow | 'taken' | 'gone'> {
    const manager = await this.#manager()
    await passing(manager.streams.info(this.stream))
    const owned = await this.#transact(async (connection) => {
      const taken = await readDatabase(takeOwnership(connection, { subscriptionId, ...owner }))
      if (taken !== undefined) await this.#create(manager, taken)
      return taken
    })
    if (owned === undefined) {
      const found = await readDatabase(loadSubscription(this.#pool, subscriptionId))
      return found?.inOrder === true ? 'taken' : 'gone'
    }
    await this.delete({ id: subscriptionId, consumerUs: owned.formerUs })
    return owned
  }

  /** Makes a consumer that is missing. Of several notifiers one does; the others find what it made. */
  async #remake(manager: JetStreamManager, { id, consumerUs }: SubscriptionRow): Promise<SubscriptionRow | undefined> {
    return this.#transact(async (connection) => {
      const locked = await readDatabase(lockSubscription(connection, id))
      if (locked === undefined) return undefined
      const isOther = locked.consumerUs !== consumerUs
      if (isOther && (await this.#info(manager, consumerName(locked))) !== undefined) return locked
      if (locked.isOwned) throw new QError('unavailable', 'the consumer of a subscription is about to be made')
      const marked = await readDatabase(markConsumer(connection, id))
      if (marked !== undefined) await this.#create(manager, marked)
      return marked
    })
  }

  async #transact<T>(work: (connection: Executor) => Promise<T>): Promise<T> {
    const connection = await readDatabase(this.#pool.connect())
    try {
      return await transact(connection, () => work(connection))
    } finally {
      connection.release()
    }
  }

  async #create(manager: JetStreamManager, subscription: SubscriptionRow): Promise<void> {
    const { namespace, pattern, floorRevision, floorIndex } = subscription
    const start = await this.#sequenceAfter(manager, { revision: floorRevision, index: floorIndex })
    const config = {
      durable_name: consumerName(subscription),
      filter_subject: eventSubject(this.#store, namespace, pattern),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: start,
      max_deliver: -1,
      ...limitsOf(subscription),
    }
    await passing(manager.consumers.add(this.stream, config))
  }

  /** The sequence of the first message of the stream after a place, whose messages are in the order of places. */
  async #sequenceAfter(manager: JetStreamManager, place: EventPlace): Promise<number> {
    const { state } = await passing(manager.streams.info(this.stream))
    let [low, high] = [Math.max(1, state.first_seq), state.last_seq + 1]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const found = await this.#eventFrom(manager, middle)
      if (found !== undefined && comparePlaces(found.place, place) <= 0) low = found.sequence + 1
      else high = middle
    }
    return low
  }

  /** The first event of the stream from a sequence on: messages may be missing. Undefined: there is none. */
  async #eventFrom(
    manager: JetStreamManager,
    sequence: number,
  ): Promise<{ sequence: number; place: EventPlace } | undefined> {
    const next = { seq: sequence, next_by_subj: '>' }
    const message = await passing(manager.streams.getMessage(this.stream, next))
    if (message === null) return undefined
    const place = parseEventPosition(message.header.get(eventPositionHeader))
    // Somebody else's, which the relay will remove.
    if (place === undefined) return this.#eventFrom(manager, message.seq + 1)
    return { sequence: message.seq, place }
  }

  async #placeAt(manager: JetStreamManager, sequence: number): Promise<EventPlace | undefined> {
    const message = await passing(manager.streams.getMessage(this.stream, { seq: sequence }))
    return message === null ? undefined : parseEventPosition(message.header.get(eventPositionHeader))
  }

  async #info(manager: JetStreamManager, name: string): Promise<ConsumerInfo | undefined> {
    try {
      return await manager.consumers.info(this.stream, name)
    } catch (error) {
      if (isApiError(error, consumerNotFound)) return undefined
      throw unavailable(error)
    }
  }

  #manager(): Promise<JetStreamManager> {
    return passing(jetstreamManager(this.#connection, { timeout: apiTimeoutMs, checkAPI: false }))
  }
}

function limitsOf({ ackMs, inOrder }: SubscriptionRow): { ack_wait: number; max_ack_pending: number } {
  return { ack_wait: nanos(inOrder ? orderedAckMs : ackMs), max_ack_pending: mostUnanswered }
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
