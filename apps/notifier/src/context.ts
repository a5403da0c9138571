import type { NatsConnection } from '@nats-io/transport-node'
import { openTokenAccess, trustFromDatabase, type TokenVerifier } from '@qcore/access'
import { closePool, openPool, prepareStore, type Executor, type Pool } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { TypeModel } from '@qcore/model'
import { openPast, openReplica, type LogFeed, type Past, type Replica } from '@qcore/replica'
import { createLogger, openNats, type Logger } from '@qcore/service'
import type { SyncConfig } from '@qcore/sync-config'
import { createNatsTransport } from '@qcore/transport'
import type { NotifierConfig } from './config.ts'
import { ConfigCommits } from './configuration/config-commits.ts'
import { openConfiguration } from './configuration/open-configuration.ts'
import { LiveResolver } from './context-fields/live-resolver.ts'
import { LiveStreams } from './live/live-streams.ts'
import { StreamFollower } from './live/stream-follower.ts'
import { completePrevious } from './notify/complete-previous.ts'
import type { EventConsumers } from './delivery/event-consumers.ts'
import type { NodeWords } from './delivery/node-words.ts'
import type { NodeStreams } from './delivery/node-streams.ts'
import { openEventDelivery } from './delivery/open-event-delivery.ts'
import { NodeReaper } from './node/node-reaper.ts'
import { openShares } from './registration/open-shares.ts'
import { Receivers } from './registration/receivers.ts'
import type { Shares } from './registration/shares/shares.ts'
import { QueueBudget } from './stream/queue-budget.ts'
import type { QueueLimits } from './stream/watch-stream.ts'

/** What the notifier works with. Disposing ends the streams and closes what it opened, in reverse order. */
export interface NotifierContext extends AsyncDisposable {
  readonly config: NotifierConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly verifier: TokenVerifier
  readonly pool: Executor
  readonly past: Past
  readonly replica: Replica
  readonly feed: LogFeed
  readonly live: LiveStreams
  readonly shares: Shares
  readonly receivers: Receivers
  readonly configuration: SyncConfig
  readonly configCommits: ConfigCommits
  /** The same, for transactions. */
  readonly eventPool: Pool
  readonly consumers: EventConsumers
  readonly nodeWords: NodeWords
  readonly nodeStreams: NodeStreams
  readonly queueLimits: QueueLimits
  /** Of the applied revision. */
  typeModel(name: string): TypeModel | undefined
}

/** What a caller of `createNotifier` brings along; it stays the caller's to close. */
export interface NotifierOverrides {
  logger?: Logger
  connection?: NatsConnection
}

/** Connections to PostgreSQL: enough for several replays at a time, and few enough for many notifiers. */
const poolConnections = 12

export async function openContext(config: NotifierConfig, overrides: NotifierOverrides): Promise<NotifierContext> {
  const { store, instanceId, logLevel, postgresAddress, cacheBytes } = config
  const logger = overrides.logger ?? createLogger({ service: 'notifier', level: logLevel, instanceId })
  const applicationName = `qcore-notifier ${instanceId}`
  await using opened = new AsyncDisposableStack()
  const connection = overrides.connection ?? (await openNats(config.natsAddress, { name: applicationName }))
  if (overrides.connection === undefined) opened.defer(() => connection.close())
  const database = { address: postgresAddress, store, applicationName }
  await prepareStore(database, (error) => logger.warn({ err: error }, 'waiting for PostgreSQL'))
  const pool = openPool({ ...database, max: poolConnections }, (error) =>
    logger.warn({ err: error }, 'an idle PostgreSQL connection broke'),
  )
  opened.defer(() => closePool(pool))
  const configuration = opened.use(await openConfiguration(config, logger))
  const access = opened.use(await openTokenAccess({ config, connection, logger, source: trustFromDatabase(pool) }))
  const follower = new StreamFollower()
  const replica = opened.use(await openReplica({ connection, pool, store, logger, cacheBytes, follower }))
  const typeModel = (name: string): TypeModel | undefined => {
    if (replica.types === undefined) throw new QError('unavailable', 'the store was replaced and is being read anew')
    return replica.types.get(name)
  }
  const past = openPast(pool)
  const stopped = new AbortController()
  opened.defer(() => stopped.abort())
  const live = new LiveStreams({
    feed: replica.feed,
    resolverAt: (revision) => new LiveResolver(revision, { replica, past, signal: stopped.signal }),
    complete: (writes) => completePrevious(pool, writes),
    types: () => replica.types,
    trackedBytes: config.trackedBytes,
  })
  opened.use(live)
  follower.follow(live, replica.feed)
  const receivers = opened.use(new Receivers(pool, logger))
  opened.use(new NodeReaper(pool, logger))
  const events = opened.use(openEventDelivery({ connection, pool, logger, config }))
  const budget = new QueueBudget(config.queuesBytes)
  const sources = { budget, pool, past, live, feed: replica.feed, replica, logger }
  const shares = opened.use(openShares({ connection, store, instanceId, postgresAddress, logger, sources }))
  const owned = opened.move()
  return {
    config,
    logger,
    connection,
    verifier: access.verifier,
    pool,
    past,
    replica,
    feed: replica.feed,
    live,
    shares,
    receivers,
    configuration,
    configCommits: new ConfigCommits(createNatsTransport({ connection, store })),
    eventPool: pool,
    consumers: events.consumers,
    nodeWords: events.words,
    nodeStreams: events.nodeStreams,
    queueLimits: { bytes: config.queueBytes, revisions: config.queueRevisions, budget },
    typeModel,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
