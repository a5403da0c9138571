import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import type { Msg } from '@nats-io/transport-node'
import { EventDeliverySchema } from '@qcore/contracts'
import { consumerName, deliveryId } from './delivery-id.ts'
import { HeldEvents } from './held-events.ts'
import { keyOf, type Lane, type LaneOptions } from './lane.ts'
import { deliveryMetrics } from './metrics.ts'
import { PullQueue } from './pull-queue.ts'
import { HeaderReader } from './read-headers.ts'
import { sortMessages } from './sort-messages.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'
import { readStreamMessage, type StreamMessage } from './stream-message.ts'

const firstRetryMs = 100
const longestRetryMs = 2_000
/** An answer after so much of its time counts as late: the clocks of two notifiers may differ by the rest. */
const lateAfter = 0.5

/** A subscription of a node: asks for as many events as the node has room for. */
export class SubscriptionLane implements Lane {
  readonly #options: LaneOptions
  readonly #stopped = new AbortController()
  readonly #held = new HeldEvents()
  readonly #headers = new HeaderReader()
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

  get room(): number {
    return this.#options.concurrency - this.#held.size - this.#arrived.length
  }

  start(): void {
    void this.#open()
  }

  hold(key: string): void {
    this.#held.hold(key, this.#row.ackMs)
  }

  settle(key: string): void {
    if (this.#held.settle(key)) this.#ask()
  }

  extend(key: string): void {
    this.#held.extend(key, this.#row.ackMs)
  }

  /** What is forgotten was, or will be, given to another node. */
  sweep(): void {
    this.#held.sweep()
    this.#ask()
  }

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
        if (row === undefined || row.inOrder) return onGone()
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
      consumer: consumerName(this.#row),
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
    const read = readStreamMessage(message, this.#headers)
    if (read === undefined) {
      // Somebody else's: it would come again and again.
      message.respond('+TERM')
      this.#ask()
      return
    }
    this.#arrived.push(read)
    if (this.#isSorting) return
    this.#isSorting = true
    // What came with it is read first.
    queueMicrotask(() => void this.#sort())
  }

  /** Hands on what arrived, in order. Waits only where PostgreSQL has to be asked first. */
  async #sort(): Promise<void> {
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
      deliveryMetrics.delivered.inc(handed.length)
      this.#ask()
    }
    this.#isSorting = false
  }

  #hand(message: StreamMessage, attempt: number): void {
    const { index, hand } = this.#options
    const { event, ackSubject, delivered, arrivedAt } = message
    const lateAtMs = Date.now() - performance.now() + arrivedAt + this.#row.ackMs * lateAfter
    this.hold(keyOf(message))
    if (delivered > 1) deliveryMetrics.redelivered.inc()
    // Fields are set one by one: to give them all to `create` costs three times as much.
    const delivery = create(EventDeliverySchema)
    delivery.deliveryId = deliveryId(message, lateAtMs, ackSubject)
    delivery.subscription = index
    delivery.event = event
    delivery.redeliveries = delivered - 1
    delivery.attempt = attempt
    hand(delivery)
  }
}
