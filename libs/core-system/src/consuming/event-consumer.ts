import { setTimeout as delay } from 'node:timers/promises'
import type { Client, EventDelivery, NodeInstance } from '@qcore/client'
import { isQError } from '@qcore/errors'
import type { Database } from '../database/database.ts'
import type { Subscribed } from '../handler-table.ts'
import type { Logger } from '../logger.ts'
import { AnswerBatcher } from './answer-batcher.ts'
import { attempt, type AttemptContext } from './attempt.ts'
import { Breaks } from './breaks.ts'
import type { Handling } from './handle-event.ts'
import { Term } from './term.ts'

const firstRetryMs = 100
const longestRetryMs = 2_000
/** How many times in the time for an answer it is said that work goes on. */
const signsOfLife = 3
const defaultAckMs = 30_000
/** How long a node that stops tries to tell what it gives back: its events are given to others in time anyway. */
export const farewellMs = 2_000
/** The node cannot go on consuming. One that is not known is registered again with its next heartbeat. */
const finalCodes = ['node_replaced', 'group_conflict', 'permission_denied', 'invalid_request'] as const

interface Running extends Handling {
  readonly key: string
  /** The newest one, which is to be answered. */
  deliveryId: string
}

/** A subscription, with all that handling its events takes. */
interface Consumed extends AttemptContext {
  /** Begins the keys of its events. */
  readonly key: string
  readonly timeoutMs: number
}

export interface EventConsumerOptions {
  readonly client: Client
  readonly own: NodeInstance
  readonly store: string
  readonly database: Database | undefined
  readonly logger: Logger
  /** The node cannot go on. */
  readonly onFailure: (error: unknown) => void
}

/** Consumes the events of a node, and calls its handlers. */
export class EventConsumer {
  readonly #options: EventConsumerOptions
  readonly #answers: AnswerBatcher
  /** By subscription and event. */
  readonly #running = new Map<string, Running>()
  readonly #breaks = new Breaks()
  #stream: AbortController | undefined
  #subscribed: readonly Subscribed[] = []
  #following: Promise<void> = Promise.resolve()
  #progress: NodeJS.Timeout | undefined

  constructor(options: EventConsumerOptions) {
    this.#options = options
    this.#answers = new AnswerBatcher(options.client.events.delivery, options.own, options.logger)
  }

  get running(): number {
    return this.#running.size
  }

  /**
   * Subscribes, instead of to what it had. Resolves when the subscriptions are there, or the signal fires, which ends them; nothing
   * is lost between.
   */
  async subscribe(subscribed: readonly Subscribed[], signal: AbortSignal): Promise<void> {
    await this.#endStream()
    this.#subscribed = subscribed
    if (subscribed.length === 0 || signal.aborted) return
    const stream = new AbortController()
    this.#stream = stream
    const started = Promise.withResolvers<void>()
    this.#following = this.#follow(AbortSignal.any([stream.signal, signal]), started)
    const ackMs = Math.min(...subscribed.map(({ input }) => input.ackMs ?? defaultAckMs))
    clearInterval(this.#progress)
    this.#progress = setInterval(() => this.#sayProgress(), ackMs / signsOfLife)
    await started.promise
  }

  /** Takes no more events, waits for the handlers that run, and gives back what does not end in time, if it can be told soon. */
  async stop(timeoutMs: number): Promise<void> {
    await this.#endStream()
    const deadlineAt = performance.now() + timeoutMs
    while (this.#running.size > 0 && performance.now() < deadlineAt) await delay(5)
    const left = [...this.#running.values()]
    // First: what ends because of the stop is not answered a second time.
    this.#running.clear()
    for (const { term } of left) term.end(new Error('the node stops'))
    for (const { deliveryId } of left) void this.#answers.answer({ deliveryId, answer: 'released' })
    clearInterval(this.#progress)
    await this.#answers.finish(farewellMs)
  }

  async #endStream(): Promise<void> {
    this.#stream?.abort()
    this.#stream = undefined
    await this.#following
  }

  async #follow(signal: AbortSignal, started: PromiseWithResolvers<void>): Promise<void> {
    let isStarted = false
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(longestRetryMs, retryMs * 2)) {
      try {
        await this.#followOnce(signal, () => {
          isStarted = true
          retryMs = firstRetryMs
          started.resolve()
        })
      } catch (error) {
        if (signal.aborted) break
        if (finalCodes.some((code) => isQError(error, code))) {
          started.reject(error)
          if (isStarted) this.#options.onFailure(error)
          return
        }
        this.#options.logger.warn('the stream of events broke', { error })
      }
      await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
    started.resolve()
  }

  async #followOnce(signal: AbortSignal, onStart: () => void): Promise<void> {
    const { client, own } = this.#options
    const inputs = this.#subscribed.map(({ input }) => input)
    const held = [...this.#running.values()].map(({ deliveryId }) => deliveryId)
    const consumed = this.#subscribed.map((subscribed) => this.#consumed(subscribed))
    for await (const deliveries of client.events.delivery.consume(own, inputs, { signal, held })) {
      onStart()
      for (const delivery of deliveries) {
        const subscription = consumed[delivery.subscription]
        if (signal.aborted) void this.#answers.answer({ deliveryId: delivery.deliveryId, answer: 'released' })
        else if (subscription !== undefined) this.#take(delivery, subscription)
      }
    }
  }

  #consumed({ input, timeoutMs, handlersOf }: Subscribed): Consumed {
    const { database, store, own, logger } = this.#options
    const { group: name = 'default', broadcast = false, pattern } = input
    const group = broadcast ? `@${own.nodeId}` : name
    return { key: `${group} ${pattern}`, timeoutMs, handlersOf, database, store, group, logger, breaks: this.#breaks }
  }

  #take(delivery: EventDelivery, consumed: Consumed): void {
    const { deliveryId } = delivery
    const key = `${consumed.key} ${delivery.event.id}`
    const known = this.#running.get(key)
    if (known !== undefined) {
      // Word of progress was late, and the event came again, to this node: the new delivery is the one to answer.
      known.deliveryId = deliveryId
      return
    }
    const running = { key, deliveryId, delivery, term: new Term(consumed.timeoutMs) }
    this.#running.set(key, running)
    void this.#handle(running, consumed)
  }

  async #handle(running: Running, consumed: Consumed): Promise<void> {
    const verdict = await attempt(running, consumed)
    // Given back already.
    if (!this.#isRunning(running)) return
    // Unless it is handled, it may come again before this is known to have been told.
    if (verdict.answer !== 'handled') this.#running.delete(running.key)
    await this.#answers.answer({ deliveryId: running.deliveryId, ...verdict })
    if (this.#isRunning(running)) this.#running.delete(running.key)
  }

  #isRunning(running: Running): boolean {
    return this.#running.get(running.key) === running
  }

  #sayProgress(): void {
    for (const { deliveryId } of this.#running.values()) {
      void this.#answers.answer({ deliveryId, answer: 'progress' })
    }
  }
}
