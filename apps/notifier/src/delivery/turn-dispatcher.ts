import { create } from '@bufbuild/protobuf'
import type { Msg } from '@nats-io/transport-node'
import { EventDeliverySchema } from '@qcore/contracts'
import { consumerName, turnDeliveryId } from './delivery-id.ts'
import { judgeTurn } from './judge-turn.ts'
import { KeyQueues } from './key-queues.ts'
import { keyOf, type LaneOptions } from './lane.ts'
import { deliveryMetrics } from './metrics.ts'
import { PullQueue } from './pull-queue.ts'
import { HeaderReader } from './read-headers.ts'
import { loadAttempts, type AttemptRow } from './sql/attempts.ts'
import { comparePlaces, type SubscriptionRow } from './sql/subscription-row.ts'
import { loadTurns, takeTurns, type TakenTurn } from './sql/turns.ts'
import { readStreamMessage, type StreamMessage } from './stream-message.ts'

/** Events that wait for their turn at most. */
const mostWaiting = 1_000
const mostWaitingBytes = 16_777_216
/** A request for messages is for at least so many, unless there is less room. */
const leastRequest = 100
const retryMs = 500
/** What is to come again is looked at so long after its time, for clocks that differ. */
const slackMs = 20

export interface DispatcherOptions extends LaneOptions {
  /** Events that the node works on beside those of this dispatcher. */
  readonly others: () => number
  /** The consumer is gone, or belongs to another stream. Called once. */
  readonly onLost: (reason: string) => void
  /** The node was not heard of in time. Called once, instead. */
  readonly onSilent: () => void
}

/**
 * Gives a node the events of a subscription with an order: of each key one at a time, keys side by side. It alone has the consumer,
 * which gives it all that is not handled, in order. Whose turn it is stands in PostgreSQL, so that a dispatcher that comes later
 * goes on where this one was.
 */
export class TurnDispatcher implements Disposable {
  readonly #row: SubscriptionRow
  readonly #options: DispatcherOptions
  readonly #queues = new KeyQueues()
  readonly #headers = new HeaderReader()
  /** Keys whose first event the node works on. */
  readonly #busy = new Set<string>()
  /** Until when the first event of a key is not looked at. */
  readonly #waits = new Map<string, number>()
  /** The keys of the first events that were looked at. */
  readonly #keys = new Map<string, string>()
  readonly #pull: PullQueue
  #timer: NodeJS.Timeout | undefined
  #isDispatching = false
  #isDue = false
  #isOver = false

  constructor(row: SubscriptionRow, options: DispatcherOptions) {
    this.#row = row
    this.#options = options
    this.#pull = new PullQueue({
      connection: options.connection,
      stream: options.consumers.stream,
      consumer: consumerName(row),
      onMessage: (message) => this.#onMessage(message),
      onExpired: () => this.#ask(),
      onLost: (reason) => this.#lose(reason),
    })
    this.#ask()
  }

  /** Events that the node works on. */
  get busy(): number {
    return this.#busy.size
  }

  settle(key: string, end: 'over' | 'again'): void {
    const orderKey = this.#keys.get(key)
    if (orderKey === undefined) return
    const head = this.#queues.head(orderKey)
    if (head === undefined || keyOf(head) !== key) return
    if (end === 'over') this.#finish(orderKey, head)
    else this.#free(orderKey)
    this.dispatch()
  }

  extend(key: string): void {
    const orderKey = this.#keys.get(key)
    if (orderKey !== undefined && this.#busy.has(orderKey)) this.#wait(orderKey, this.#row.ackMs)
  }

  /** Hands out what can be, now or as soon as what runs has ended. */
  dispatch(): void {
    this.#isDue = true
    if (!this.#isDispatching) void this.#dispatchAll()
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#pull[Symbol.dispose]()
  }

  #lose(reason: string): void {
    if (this.#isOver) return
    this[Symbol.dispose]()
    this.#options.onLost(reason)
  }

  /** Whether the node has an event for longer than it may without a word. */
  #isSilent(): boolean {
    const now = performance.now()
    return [...this.#busy].some((key) => (this.#waits.get(key) ?? now) <= now)
  }

  #ask(): void {
    if (this.#isOver || this.#queues.bytes >= mostWaitingBytes) return
    const room = mostWaiting - this.#queues.size - this.#pull.requested
    if (room > 0 && (this.#pull.requested === 0 || room >= leastRequest)) this.#pull.request(room)
  }

  #onMessage(message: Msg): void {
    const read = readStreamMessage(message, this.#headers)
    const { floorRevision, floorIndex } = this.#row
    if (read === undefined || comparePlaces(read, { revision: floorRevision, index: floorIndex }) <= 0) {
      message.respond('+TERM')
      this.#ask()
      return
    }
    this.#queues.add(read)
    this.dispatch()
  }

  async #dispatchAll(): Promise<void> {
    this.#isDispatching = true
    // What arrives in the same turn goes along.
    await Promise.resolve()
    try {
      while (this.#isDue && !this.#isOver) {
        this.#isDue = false
        await this.#dispatchSome()
      }
    } catch (error) {
      if (!this.#isOver) {
        this.#options.logger.warn({ err: error, subscription: this.#row.id }, 'cannot give events out in order yet')
        this.#wakeIn(retryMs)
      }
    } finally {
      this.#isDispatching = false
    }
  }

  async #dispatchSome(): Promise<void> {
    if (this.#isSilent()) {
      this[Symbol.dispose]()
      return this.#options.onSilent()
    }
    this.#ask()
    const heads = this.#ready()
    if (heads.length === 0) return this.#wakeForWaits()
    const { pool, streamId, nodeId } = this.#options
    const { id: subscriptionId } = this.#row
    for (const head of heads) this.#keys.set(keyOf(head), head.event.orderKey)
    const candidates = heads.map(({ revision, index, event: { orderKey } }) => ({ revision, index, orderKey }))
    const taken = await takeTurns(pool, { subscriptionId, streamId, nodeId, candidates })
    if (this.#isOver) return
    if (taken === undefined) return this.#lose('another stream gives the events out')
    const byKey = new Map(taken.map((turn) => [turn.orderKey, turn]))
    for (const key of byKey.keys()) this.#busy.add(key)
    const refused = heads.filter(({ event }) => !byKey.has(event.orderKey))
    await this.#handAll(
      heads.flatMap((head) => byKey.get(head.event.orderKey) ?? []),
      heads,
    )
    if (refused.length > 0) await this.#lookAt(refused)
    this.#isDue = true
  }

  /** The first events of keys that are not known to wait, as many as the node has room for. */
  #ready(): StreamMessage[] {
    const room = this.#options.concurrency - this.#busy.size - this.#options.others()
    const now = performance.now()
    const heads: StreamMessage[] = []
    for (const key of this.#queues.keys) {
      if (heads.length >= room) break
      const isWaiting = (this.#waits.get(key) ?? 0) > now
      const head = isWaiting ? undefined : this.#queues.head(key)
      if (head !== undefined) heads.push(head)
    }
    return heads
  }

  /** Why it is not the turn of events: they are done, or somebody has them. */
  async #lookAt(refused: readonly StreamMessage[]): Promise<void> {
    const keys = refused.map(({ event }) => event.orderKey)
    const turns = new Map(
      (await loadTurns(this.#options.pool, this.#row.id, keys)).map((turn) => [turn.orderKey, turn]),
    )
    for (const head of refused) {
      const { orderKey } = head.event
      const turn = turns.get(orderKey)
      const order = turn === undefined ? -1 : comparePlaces(turn, head)
      if (turn !== undefined && (order > 0 || (order === 0 && turn.isDone))) this.#finish(orderKey, head)
      else this.#wait(orderKey, (turn?.busyMs ?? 0) + slackMs)
    }
  }

  async #handAll(taken: readonly TakenTurn[], heads: readonly StreamMessage[]): Promise<void> {
    const { pool } = this.#options
    const byKey = new Map(heads.map((head) => [head.event.orderKey, head]))
    const again = taken.filter(({ handings }) => handings > 1)
    const attempts = new Map<string, AttemptRow>()
    if (again.length > 0) {
      const places = again.flatMap(({ orderKey }) => byKey.get(orderKey) ?? [])
      const { id } = this.#row
      for (const attempt of await loadAttempts(pool, id, places)) attempts.set(keyOf(attempt), attempt)
    }
    for (const { orderKey, handings } of taken) {
      const head = byKey.get(orderKey)
      if (head === undefined || this.#isOver) continue
      this.#wait(orderKey, this.#row.ackMs)
      const known = attempts.get(keyOf(head))
      const isOver = await judgeTurn(head, { handings, known, row: this.#row, ...this.#options })
      if (isOver) this.#finish(orderKey, head)
      else if (!this.#isOver) this.#hand(head, handings, (known?.failures ?? 0) + 1)
    }
  }

  #hand(message: StreamMessage, handings: number, attempt: number): void {
    const { index, hand } = this.#options
    const { event, ackSubject } = message
    deliveryMetrics.delivered.inc()
    if (handings > 1) deliveryMetrics.redelivered.inc()
    const facts = { subscription: index, event, redeliveries: handings - 1, attempt }
    hand(create(EventDeliverySchema, { deliveryId: turnDeliveryId(message, handings, ackSubject), ...facts }))
  }

  /** An event is handled, or a dead letter. */
  #finish(orderKey: string, head: StreamMessage): void {
    const removed = this.#queues.remove(orderKey, head)
    this.#free(orderKey)
    this.#keys.delete(keyOf(head))
    const { connection } = this.#options
    if (removed !== undefined && !connection.isClosed()) connection.publish(removed.ackSubject, '+ACK')
  }

  #free(orderKey: string): void {
    this.#busy.delete(orderKey)
    this.#waits.delete(orderKey)
  }

  #wait(orderKey: string, ms: number): void {
    this.#waits.set(orderKey, performance.now() + ms)
  }

  /** Looks again when the first wait is over. */
  #wakeForWaits(): void {
    const now = performance.now()
    const next = Math.min(...[...this.#waits.values()].filter((until) => until > now))
    if (Number.isFinite(next)) this.#wakeIn(next - now + slackMs)
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#isOver) this.#timer = setTimeout(() => this.dispatch(), ms)
  }
}
