import type { NatsConnection } from '@nats-io/transport-node'
import type { EventDelivery } from '@qcore/contracts'
import type { Pool } from '@qcore/database'
import type { Logger } from '@qcore/service'
import type { EventConsumers } from './event-consumers.ts'
import type { EventPlace, SubscriptionRow } from './sql/subscription-row.ts'

/** A subscription of a node that consumes. */
export interface Lane extends Disposable {
  readonly row: SubscriptionRow
  /** Of the subscription, in the request. */
  readonly index: number
  /** How many more events the node has room for. */
  readonly room: number
  start(): void
  /** The node works on an event. */
  hold(key: string): void
  /** The node has answered; `over`: it does not come again. */
  settle(key: string, end: 'over' | 'again'): void
  /** The node still works on it. */
  extend(key: string): void
  /** Forgets what the node was not heard of in time. */
  sweep(): void
  /** Asks JetStream anew: what was asked for is forgotten when the connection broke. */
  reopen(): void
}

export interface LaneOptions {
  readonly nodeId: string
  /** Names the stream of the node. */
  readonly streamId: string
  /** Of the subscription, in the request. */
  readonly index: number
  /** Events that the node works on at a time. */
  readonly concurrency: number
  readonly connection: NatsConnection
  readonly consumers: EventConsumers
  readonly pool: Pool
  readonly logger: Logger
  /** Gives an event to the node. */
  readonly hand: (delivery: EventDelivery) => void
  /** The subscription was deleted. */
  readonly onGone: () => void
}

/** Names an event among those of a subscription that a node works on. */
export function keyOf({ revision, index }: EventPlace): string {
  return `${revision}.${index}`
}

/** Names a dead letter that a node tries again. */
export function replayKey(deadLetterId: number): string {
  return `r${deadLetterId}`
}
