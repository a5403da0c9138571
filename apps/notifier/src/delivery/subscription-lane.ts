import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { EventDeliverySchema, type EventDelivery } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { deliveryId } from './delivery-id.ts'
import { deliveryMetrics } from './metrics.ts'
import type { EventConsumers } from './event-consumers.ts'
import { PullQueue } from './pull-queue.ts'
import { sortMessages } from './sort-messages.ts'
import type { EventPlace, SubscriptionRow } from './sql/subscription-row.ts'
import { readStreamMessage, type StreamMessage } from './stream-message.ts'

const firstRetryMs = 100
const longestRetryMs = 2_000
/** An event whose answer was not heard of counts for so much of its time for an answer. */
const heldFactor = 1.5

export interface LaneOptions {
  readonly nodeId: string
  /** Of the subscription, in the request. */
  readonly index: number
  /** Events that the node works on at a time. */
  readonly concurrency: number
  readonly connection: NatsConnection
  readonly consumers: EventConsumers
  readonly pool: Executor
  readonly logger: Logger
  /** Gives an event to the node. */
  readonly hand: (delivery: EventDelivery) => void
  /** The subscription was deleted. */
  readonly onGone: () => void
}

/** A subscription of a node: asks for as many events as the node has room for. */
export class SubscriptionLane implements Disposable {
  readonly #options: LaneOptions
  readonly #stopped = new AbortController()
  /** What the node works on, until when that is believed without an answer. */
  readonly #held = new Map<string, number>()
  #row: SubscriptionRow
  #pull: PullQueue | undefined
  #arrived: StreamMessage[] = []
  #isSorting = false

  constructor(row: SubscriptionRow, options: LaneOptions) {
    this.#row = row
    this.#options = options
  }

  get row(): SubscriptionRow {
    return this.#row
  }

  get index(): number {
    return this.#options.index
  }

  /** How many more events the node has room for. */
  get room(): number {
    const { concurrency } = this.#options
    return (this.#row.inOrder ? 1 : concurrency) - this.#held.size - this.#arrived.length
  }

  start(): void {
    void this.#open()
  }

  /** The node works on an event. */
  hold(key: string): void {
    this.#held.set(key, performance.now() + this.#row.ackMs * heldFactor)
  }

  /** The node has answered. */
  settle(key: string): void {
    if (this.#held.delete(key)) this.#ask()
  }

  extend(key: string): void {
    if (this.#held.has(key)) this.hold(key)
  }

  /** Forgets what the node was not heard of in time: it was, or will be, given to another one. */
  sweep(): void {
    const now = performance.now()
    for (const [key, until] of this.#held) if (until <= now) this.#held.delete(key)
    this.#ask()
  }

  /** Asks JetStream anew: what was asked for is forgotten when the connection broke. */
  reopen(): void {
    if (this.#pull === undefined) return
    this.#pull[Symbol.dispose]()
    this.#pull = undefined
    void this.#open()
  }

  [Symbol.dispose](): void {
    this.#stopped.abort()
    this.#pull?.[Symbol.dispose]()
  }

  async #open(): Promise<void> {
    const { consumers, logger, onGone } = this.#options
    const { signal } = this.#stopped
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(longestRetryMs, retryMs * 2)) {
      try {
        const row = await consumers.ensure(this.#row)
        if (signal.aborted) return
        if (row === undefined) return onGone()
        this.#row = row
        this.#pull = this.#pullQueue()
        this.#ask()
        return
      } catch (error) {
        logger.warn({ err: error, subscription: this.#row.id }, 'cannot consume a subscription yet')
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  #pullQueue(): PullQueue {
    const { connection, consumers, logger } = this.#options
    return new PullQueue({
      connection,
      stream: consumers.stream,
      consumer: this.#row.id,
      onMessage: (message) => this.#onMessage(message),
      onExpired: () => this.#ask(),
      onLost: (reason) => {
        logger.warn({ reason, subscription: this.#row.id }, 'the consumer of a subscription is gone')
        this.#pull = undefined
        void this.#open()
      },
    })
  }

  #ask(): void {
    const pull = this.#pull
    if (pull === undefined || this.#stopped.signal.aborted) return
    const most = this.room - pull.requested
    if (most > 0 && (pull.requested === 0 || most * 4 >= this.#options.concurrency)) pull.request(most)
  }

  #onMessage(message: Msg): void {
    const read = readStreamMessage(message)
    if (read === undefined) {
      // Somebody else's: it would come again and again.
      message.respond('+TERM')
      this.#ask()
      return
    }
    this.#arrived.push(read)
    if (!this.#isSorting) void this.#sort()
  }

  /** Hands on what arrived, in order. Waits only where PostgreSQL has to be asked first. */
  async #sort(): Promise<void> {
    this.#isSorting = true
    const { pool, connection, nodeId, logger } = this.#options
    const { signal } = this.#stopped
    while (this.#arrived.length > 0 && !signal.aborted) {
      const batch = [...this.#arrived]
      const sorting = sortMessages(batch, this.#row, { pool, nodeId, logger, signal })
      const { handed, done } = sorting instanceof Promise ? await sorting : sorting
      this.#arrived.splice(0, batch.length)
      if (signal.aborted) break
      for (const { ackSubject } of done) connection.publish(ackSubject, '+TERM')
      for (const { message, attempt } of handed) this.#hand(message, attempt)
      this.#ask()
    }
    this.#isSorting = false
  }

  #hand(message: StreamMessage, attempt: number): void {
    const { index, hand } = this.#options
    const { event, ackSubject, delivered } = message
    this.hold(keyOf(this.#row.id, message))
    deliveryMetrics.delivered.inc()
    if (delivered > 1) deliveryMetrics.redelivered.inc()
    hand(
      create(EventDeliverySchema, {
        deliveryId: deliveryId(message, ackSubject),
        subscription: index,
        event,
        redeliveries: delivered - 1,
        attempt,
      }),
    )
  }
}

/** Names an event among those that a node works on. */
export function keyOf(subscriptionId: string, { revision, index }: EventPlace): string {
  return `${subscriptionId} ${revision}.${index}`
}
