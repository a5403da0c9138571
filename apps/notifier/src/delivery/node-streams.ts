import { create } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { AckRequestSchema, EventAnswerSchema, type ConsumeRequest } from '@qcore/contracts'
import { readError, type Pool } from '@qcore/database'
import { QError } from '@qcore/errors'
import { followNats, type Logger } from '@qcore/service'
import { answerEvents } from './answer-events.ts'
import { parseDeliveryId } from './delivery-id.ts'
import type { EventConsumers } from './event-consumers.ts'
import { FloorKeeper } from './floor-keeper.ts'
import { keyOf, type Lane } from './lane.ts'
import { deliveryMetrics } from './metrics.ts'
import { NodeStream } from './node-stream.ts'
import type { NodeWords } from './node-words.ts'
import { OrderedLane } from './ordered-lane.ts'
import type { ReplayFeeder } from './replay-feeder.ts'
import { endConsuming, renewConsuming } from './sql/consuming.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'
import { SubscriptionLane } from './subscription-lane.ts'

/** How long others take a node for consuming after it was said. */
const leaseMs = 15_000
const renewEveryMs = 5_000
const sweepEveryMs = 1_000

export interface NodeStreamsOptions {
  readonly connection: NatsConnection
  readonly store: string
  readonly pool: Pool
  readonly consumers: EventConsumers
  readonly words: NodeWords
  readonly replays: ReplayFeeder
  readonly logger: Logger
}

/** The nodes that consume events at this notifier. */
export class NodeStreams implements Disposable {
  readonly #options: NodeStreamsOptions
  readonly #streams = new Map<NodeStream, Disposable>()
  readonly #floors: FloorKeeper
  readonly #timers: readonly NodeJS.Timeout[]
  readonly #statuses: Disposable

  constructor(options: NodeStreamsOptions) {
    this.#options = options
    this.#floors = new FloorKeeper(options.consumers, options.pool, options.logger)
    this.#timers = [setInterval(() => this.#renew(), renewEveryMs), setInterval(() => this.#sweep(), sweepEveryMs)]
    this.#statuses = followNats(options.connection, (type) => {
      if (type === 'reconnect') for (const lane of this.#lanes()) lane.reopen()
    })
  }

  /** Begins to send a node the events of its subscriptions. */
  async open(request: ConsumeRequest, rows: readonly SubscriptionRow[]): Promise<NodeStream> {
    const { connection, consumers, words, pool, logger } = this.#options
    const stream = new NodeStream(request)
    const onGone = (): void =>
      stream.end(new QError('unavailable', 'a subscription was deleted, or another one took its place; consume anew'))
    stream.lanes = rows.map((row, index) => {
      const LaneOfKind = row.inOrder ? OrderedLane : SubscriptionLane
      return new LaneOfKind(row, {
        nodeId: request.nodeId,
        streamId: stream.id,
        index,
        concurrency: request.subscriptions[index]?.concurrency || 1,
        connection,
        consumers,
        pool,
        logger,
        hand: (delivery) => stream.push(delivery),
        onGone,
      })
    })
    this.#hold(stream, request.held)
    this.#streams.set(stream, words.join(stream))
    deliveryMetrics.streams.inc()
    try {
      await renewConsuming(pool, [consumingOf(stream)], leaseMs)
    } catch (error) {
      this.close(stream)
      throw readError(error)
    }
    for (const lane of stream.lanes) lane.start()
    return stream
  }

  /** Ends a stream. What its node works on is its own to answer. */
  close(stream: NodeStream): void {
    const hearing = this.#streams.get(stream)
    if (hearing === undefined) return
    this.#streams.delete(stream)
    deliveryMetrics.streams.dec()
    stream[Symbol.dispose]()
    hearing[Symbol.dispose]()
    this.#giveBack(stream)
    endConsuming(this.#options.pool, stream.id).catch((error: unknown) =>
      this.#options.logger.warn({ err: error }, 'cannot note that a node consumes no more'),
    )
  }

  /** What was on its way to a node that is gone goes to another one at once. */
  #giveBack(stream: NodeStream): void {
    const { connection, logger } = this.#options
    const unsent = stream.takeUnsent()
    if (unsent.length === 0 || connection.isClosed()) return
    const answers = unsent.map(({ deliveryId }) =>
      create(EventAnswerSchema, { deliveryId, answer: { case: 'released', value: {} } }),
    )
    const { namespace, nodeId } = stream
    answerEvents(create(AckRequestSchema, { namespace, nodeId, answers }), this.#options).catch((error: unknown) =>
      logger.warn({ err: error }, 'cannot give back events that were not sent'),
    )
  }

  /** Ends all streams: the nodes go to other notifiers. */
  shutDown(): void {
    const stopping = new QError('unavailable', 'this notifier stops; consume at another')
    for (const stream of this.#streams.keys()) stream.end(stopping)
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#statuses[Symbol.dispose]()
    this.shutDown()
    for (const stream of this.#streams.keys()) this.close(stream)
  }

  *#lanes(): Generator<Lane> {
    for (const { lanes } of this.#streams.keys()) yield* lanes
  }

  /** What a node still works on since a former stream. */
  #hold({ lanes }: NodeStream, held: readonly string[]): void {
    for (const id of held) {
      const delivery = parseDeliveryId(id, this.#options.store)
      if (delivery === undefined || delivery.kind === 'replay') continue
      lanes.find(({ row }) => row.id === delivery.subscriptionId)?.hold(keyOf(delivery))
    }
  }

  #renew(): void {
    if (this.#streams.size === 0) return
    const { pool, logger } = this.#options
    renewConsuming(pool, [...this.#streams.keys()].map(consumingOf), leaseMs).catch((error: unknown) =>
      logger.warn({ err: error }, 'cannot note which nodes consume events'),
    )
  }

  #sweep(): void {
    for (const lane of this.#lanes()) lane.sweep()
    this.#floors.keep([...this.#lanes()].map(({ row }) => row))
    this.#options.replays.feed([...this.#streams.keys()])
  }
}

function consumingOf({ id, nodeId, lanes }: NodeStream) {
  return { streamId: id, nodeId, subscriptionIds: lanes.map(({ row }) => row.id) }
}
