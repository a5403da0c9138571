import type { NatsConnection } from '@nats-io/transport-node'
import type { Pool } from '@qcore/database'
import type { Logger } from '@qcore/service'
import type { NotifierConfig } from '../config.ts'
import { EventConsumers } from './event-consumers.ts'
import { EventHousekeeping } from './event-housekeeping.ts'
import { NodeStreams } from './node-streams.ts'
import { NodeWords } from './node-words.ts'
import { ReplayFeeder } from './replay-feeder.ts'

export interface EventDeliveryOptions {
  readonly connection: NatsConnection
  readonly pool: Pool
  readonly logger: Logger
  readonly config: NotifierConfig
}

/** What gives events to nodes. */
export interface EventDeliveryParts extends Disposable {
  readonly consumers: EventConsumers
  readonly words: NodeWords
  readonly nodeStreams: NodeStreams
}

/** Takes part in the delivery of events. */
export function openEventDelivery(options: EventDeliveryOptions): EventDeliveryParts {
  const { connection, pool, logger, config } = options
  const { store, unclaimedSeconds, abandonedSeconds, unhandledSeconds } = config
  const parts = new DisposableStack()
  const consumers = new EventConsumers(connection, store, pool)
  const words = new NodeWords(connection, store)
  parts.use(
    new EventHousekeeping({
      pool,
      connection,
      store,
      consumers,
      words,
      logger,
      unclaimedMs: unclaimedSeconds * 1_000,
      abandonedMs: abandonedSeconds * 1_000,
      unhandledKeptMs: unhandledSeconds * 1_000,
    }),
  )
  const replays = new ReplayFeeder(pool, logger)
  const nodeStreams = parts.use(new NodeStreams({ connection, store, pool, consumers, words, replays, logger }))
  return { consumers, words, nodeStreams, [Symbol.dispose]: () => parts.dispose() }
}
