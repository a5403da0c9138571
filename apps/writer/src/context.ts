import { openTokenAccess, SecretBox, trustFromDatabase, type TokenVerifier } from '@qcore/access'
import { closePool, keyedSettings, openPool, prepareStore, type Pool } from '@qcore/database'
import { createLogger, openNats, type Logger } from '@qcore/service'
import type { NatsConnection } from '@nats-io/transport-node'
import { CommitConnection } from './commit/commit-connection.ts'
import { CommitQueue } from './commit/commit-queue.ts'
import { Committer } from './commit/committer.ts'
import { SessionOrder } from './commit/session-order.ts'
import { WorkingSet } from './commit/working-set.ts'
import { assertConsistent, type WriterConfig } from './config.ts'
import { NatsPresence } from './lease/nats-presence.ts'
import { ConfigSource } from './configuration/config-source.ts'
import { EventKeeper } from './event/event-keeper.ts'
import { EventReleaser } from './event/event-releaser.ts'
import { LogKeeper } from './log/log-keeper.ts'
import { EventRelay } from './relay/event-relay.ts'
import { assertCarries } from './relay/assert-carries.ts'
import { Relay } from './relay/relay.ts'
import { RestoreDesk } from './restore/restore-desk.ts'

/** What a caller of `createWriter` brings along; it stays the caller's to close. */
export interface WriterOverrides {
  logger?: Logger
  connection?: NatsConnection
}

/** What the writer works with. Disposing closes what it opened. */
export interface WriterContext extends AsyncDisposable {
  readonly config: WriterConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly presence: NatsPresence
  readonly verifier: TokenVerifier
  /** For the lease, and for what a term begins with: it gives up quickly. */
  readonly leasePool: Pool
  /** For the relays and the keepers. */
  readonly pool: Pool
  /** For restores: its statements may take long. */
  readonly restorePool: Pool
  readonly restores: RestoreDesk
  /** For what is no part of the store. */
  readonly temporaryPool: Pool
  readonly queue: CommitQueue
  readonly sessions: SessionOrder
  readonly workingSet: WorkingSet
  readonly logKeeper: LogKeeper
  readonly eventKeeper: EventKeeper
  readonly relay: Relay
  readonly eventRelay: EventRelay
  readonly eventReleaser: EventReleaser
  readonly commitConnection: CommitConnection
  readonly committer: Committer
}

const leaseConnections = 2
/** A connection that has gone silent must not outlive the lease by much. */
const leaseStatementTimeoutMs = 2_000
/** Connections for the relays and the keepers, and those of them that stay open, so that a term begins at once. */
const otherConnections = 4
const keptConnections = 2
/** Restores that are planned or applied at a time. */
const restoreConnections = 3
const temporaryConnections = 2
const hourMs = 3_600_000

export async function openContext(config: WriterConfig, overrides: WriterOverrides): Promise<WriterContext> {
  assertConsistent(config)
  const { store, instanceId, logLevel, postgresAddress: address } = config
  await using opened = new AsyncDisposableStack()
  const logger = overrides.logger ?? createLogger({ service: 'writer', level: logLevel, instanceId })
  const database = { address, store, applicationName: `qcore-writer ${instanceId}` }
  await prepareStore(database, (error) => logger.warn({ err: error }, 'waiting for PostgreSQL'))
  const pools: Pool[] = []
  // At the same time: if PostgreSQL hangs, each takes a while.
  opened.defer(async () => void (await Promise.all(pools.map(closePool))))
  const leaseDatabase = { ...database, statementTimeoutMs: leaseStatementTimeoutMs }
  const leasePool = openIdlePool(pools, { ...leaseDatabase, max: leaseConnections }, logger)
  const pool = openIdlePool(pools, { ...database, max: otherConnections, min: keptConnections }, logger)
  const restoreDatabase = { ...database, statementTimeoutMs: hourMs }
  const restorePool = openIdlePool(pools, { ...restoreDatabase, max: restoreConnections }, logger)
  const temporaryPool = openIdlePool(pools, { ...leaseDatabase, max: temporaryConnections }, logger)
  const commitPool = openIdlePool(pools, { ...database, max: 1, settings: keyedSettings }, logger)
  const connection =
    overrides.connection ?? (await openNats(config.natsAddress, { name: `qcore-writer ${instanceId}` }))
  if (overrides.connection === undefined) opened.defer(() => connection.close())
  assertCarries(connection)
  const presence = opened.use(new NatsPresence(connection))
  const retentionMs = config.retentionHours * hourMs
  const relay = opened.use(new Relay({ connection, store, executor: pool, logger, retentionMs }))
  const eventRetentionMs = config.eventRetentionHours * hourMs
  const eventRelay = opened.use(
    new EventRelay({ connection, store, executor: pool, logger, retentionMs: eventRetentionMs }),
  )
  const queue = new CommitQueue({ mostCommits: config.queueCommits, mostBytes: config.queueBytes })
  const eventReleaser = opened.use(new EventReleaser({ executor: pool, queue, logger }))
  const workingSet = new WorkingSet(config.cacheBytes)
  const logKeeper = new LogKeeper({ executor: pool, logger, retentionMs })
  const eventKeeper = new EventKeeper({ executor: pool, logger, retentionMs: eventRetentionMs })
  const commitConnection = opened.use(new CommitConnection(commitPool))
  const committer = new Committer({
    queue,
    connection: commitConnection,
    workingSet,
    relay,
    eventRelay,
    eventReleaser,
    logKeeper,
    eventKeeper,
    secrets: new SecretBox(config.authSecret),
    configSource: new ConfigSource(config.store),
    logger,
  })
  const source = trustFromDatabase(temporaryPool)
  const { verifier } = opened.use(await openTokenAccess({ config, connection, logger, source }))
  const owned = opened.move()
  return {
    config,
    logger,
    connection,
    presence,
    verifier,
    leasePool,
    pool,
    restorePool,
    temporaryPool,
    restores: new RestoreDesk(),
    queue,
    sessions: new SessionOrder(),
    workingSet,
    logKeeper,
    eventKeeper,
    relay,
    eventRelay,
    eventReleaser,
    commitConnection,
    committer,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function openIdlePool(pools: Pool[], options: Parameters<typeof openPool>[0], logger: Logger): Pool {
  const pool = openPool(options, (error) => logger.warn({ err: error }, 'an idle PostgreSQL connection broke'))
  pools.push(pool)
  return pool
}
