import type { NatsConnection } from '@nats-io/transport-node'
import { openTokenAccess, trustFromDatabase, type TokenVerifier } from '@qcore/access'
import { closePool, openPool, prepareStore, readDatabase, readHead, type Pool } from '@qcore/database'
import { coalesce, openPast, openReplica, type Past, type Replica } from '@qcore/replica'
import { createLogger, openNats, type Logger } from '@qcore/service'
import type { ReaderConfig } from './config.ts'
import { FoundEntities } from './find/found-entities.ts'
import { Turns } from './past/turns.ts'
import { createCursorCodec, type CursorCodec } from './query/cursor.ts'
import { findSettings } from './query/run-statement.ts'

/** What the reader works with. Disposing closes what it opened. */
export interface ReaderContext extends AsyncDisposable {
  readonly config: ReaderConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly pool: Pool
  /** A connection for each snapshot that is under way. */
  readonly snapshots: Pool
  readonly verifier: TokenVerifier
  readonly replica: Replica
  readonly found: FoundEntities
  readonly cursors: CursorCodec
  readonly past: Past
  /** Readings of the past load much: a few at a time, so that they take neither all connections nor all memory. */
  readonly pastTurns: Turns
  /** The newest revision committed, as of a moment after the call. */
  readLatestRevision(): Promise<number>
}

/** What a caller of `createReader` brings along; it stays the caller's to close. */
export interface ReaderOverrides {
  logger?: Logger
  connection?: NatsConnection
}

/** Snapshots that a reader makes at a time: each keeps a transaction open. */
const mostSnapshots = 2
/** Of the cache's memory, the part that is for entities that were found. */
const foundShare = 1 / 8

export async function openContext(config: ReaderConfig, overrides: ReaderOverrides): Promise<ReaderContext> {
  const { store, instanceId, logLevel, authSecret, cacheBytes } = config
  const logger = overrides.logger ?? createLogger({ service: 'reader', level: logLevel, instanceId })
  await using opened = new AsyncDisposableStack()
  const connection =
    overrides.connection ?? (await openNats(config.natsAddress, { name: `qcore-reader ${instanceId}` }))
  if (overrides.connection === undefined) opened.defer(() => connection.close())
  const database = { address: config.postgresAddress, store, applicationName: `qcore-reader ${instanceId}` }
  await prepareStore(database, (error) => logger.warn({ err: error }, 'waiting for PostgreSQL'))
  const pool = openPool({ ...database, max: config.connections, settings: findSettings }, (error) =>
    logger.warn({ err: error }, 'an idle PostgreSQL connection broke'),
  )
  opened.defer(() => closePool(pool))
  const snapshots = openPool({ ...database, max: mostSnapshots }, (error) =>
    logger.warn({ err: error }, 'an idle PostgreSQL connection broke'),
  )
  opened.defer(() => closePool(snapshots))
  const access = opened.use(await openTokenAccess({ config, connection, logger, source: trustFromDatabase(pool) }))
  const foundBytes = Math.ceil(cacheBytes * foundShare)
  const found = new FoundEntities(foundBytes)
  const followed = { connection, pool, store, logger, cacheBytes: cacheBytes - foundBytes, follower: found }
  const replica = opened.use(await openReplica(followed))
  found.follow(replica.feed)
  const owned = opened.move()
  return {
    config,
    logger,
    connection,
    pool,
    snapshots,
    verifier: access.verifier,
    replica,
    found,
    cursors: createCursorCodec(authSecret, store),
    past: openPast(pool),
    pastTurns: new Turns(Math.max(1, Math.floor(config.connections / 2))),
    readLatestRevision: coalesce(async () => (await readDatabase(readHead(pool))).revision),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
