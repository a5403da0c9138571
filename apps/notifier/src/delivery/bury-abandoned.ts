import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { nuid, type NatsConnection } from '@nats-io/transport-node'
import { AckRequestSchema, DeadLetterReason, EventAnswerSchema, type Event, type EventDelivery } from '@qcore/contracts'
import type { Pool } from '@qcore/database'
import { microsFromTimestamp } from '@qcore/model'
import type { Logger } from '@qcore/service'
import { answerEvents } from './answer-events.ts'
import { buryEvent } from './bury-event.ts'
import { parseDeliveryId } from './delivery-id.ts'
import type { EventConsumers } from './event-consumers.ts'
import { noteFloor } from './floor-keeper.ts'
import { keyOf, type Lane } from './lane.ts'
import type { NodeWords } from './node-words.ts'
import { OrderedLane } from './ordered-lane.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'
import { changeTurns } from './sql/turns.ts'
import { SubscriptionLane } from './subscription-lane.ts'

/** Events that are looked at together. */
const concurrency = 100
/** Nothing more comes when nothing has come for so long. */
const quietMs = 2_000
/** At a time; what is left follows the next time. */
const longestMs = 20_000

export interface AbandonedOptions {
  readonly pool: Pool
  readonly connection: NatsConnection
  readonly consumers: EventConsumers
  readonly words: NodeWords
  readonly store: string
  readonly logger: Logger
  readonly signal: AbortSignal
  /** What was emitted before, in microseconds since 1970, becomes a dead letter. */
  readonly beforeUs: number
}

/**
 * Makes events dead letters that wait for a group of which no node has run for long. It takes them as a node would, so that what
 * was handled is none of them, and gives back those that are younger.
 */
export async function buryAbandoned(row: SubscriptionRow, options: AbandonedOptions): Promise<void> {
  const { beforeUs, signal } = options
  const arrived: EventDelivery[] = []
  const lane = openLane(row, options, (delivery) => void arrived.push(delivery))
  const young: EventDelivery[] = []
  try {
    lane.start()
    const until = performance.now() + longestMs
    let heardAt = performance.now()
    while (!signal.aborted && young.length === 0 && performance.now() < Math.min(until, heardAt + quietMs)) {
      await delay(10, undefined, { signal }).catch(() => undefined)
      for (const delivery of arrived.splice(0)) {
        heardAt = performance.now()
        if (emittedUs(delivery.event) < beforeUs) await bury(delivery, lane, options)
        else young.push(delivery)
      }
    }
  } finally {
    lane[Symbol.dispose]()
    await giveBack(lane.row.namespace, [...young, ...arrived], options)
  }
  await noteFloor(lane.row, options)
}

function openLane(
  row: SubscriptionRow,
  { pool, connection, consumers, logger }: AbandonedOptions,
  hand: (delivery: EventDelivery) => void,
): Lane {
  const LaneOfKind = row.inOrder ? OrderedLane : SubscriptionLane
  const facts = { nodeId: '', streamId: nuid.next(), index: 0, concurrency, onGone: () => undefined }
  return new LaneOfKind(row, { ...facts, connection, consumers, pool, logger, hand })
}

async function bury(
  { event, deliveryId, attempt }: EventDelivery,
  lane: Lane,
  options: AbandonedOptions,
): Promise<void> {
  const { pool, connection, store } = options
  const delivery = parseDeliveryId(deliveryId, store)
  if (event === undefined || delivery === undefined || delivery.kind === 'replay') return
  await buryEvent(pool, lane.row, {
    event,
    reason: DeadLetterReason.ABANDONED,
    error: 'no node of the group has run for too long',
    attempts: attempt - 1,
    nodeId: '',
  })
  if (delivery.kind === 'turn') await changeTurns(pool, [delivery], { isDone: true })
  else connection.publish(delivery.ackSubject, '+TERM')
  lane.settle(keyOf(delivery), 'over')
}

async function giveBack(
  namespace: string,
  deliveries: readonly EventDelivery[],
  options: AbandonedOptions,
): Promise<void> {
  if (deliveries.length === 0 || options.connection.isClosed()) return
  const answers = deliveries.map(({ deliveryId }) =>
    create(EventAnswerSchema, { deliveryId, answer: { case: 'released', value: {} } }),
  )
  await answerEvents(create(AckRequestSchema, { namespace, nodeId: '', answers }), options)
}

function emittedUs(event: Event | undefined): number {
  return event?.emitTime === undefined ? 0 : Number(microsFromTimestamp(event.emitTime, ''))
}
