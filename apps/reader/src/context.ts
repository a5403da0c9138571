import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { createTokenVerifier, type TokenVerifier } from '@qcore/access'
import { openPool, readDatabase, readHead, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { coalesce, openReplica, type Replica, type ReplicaOptions } from '@qcore/replica'
import { createLogger, openNats, type Logger } from '@qcore/service'
import type { ReaderConfig } from './config.ts'
import { createCursorCodec, type CursorCodec } from './find/cursor.ts'

/** What the reader works with. Disposing closes what it opened. */
export interface ReaderContext extends AsyncDisposable {
  readonly config: ReaderConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly pool: Executor
  readonly verifier: TokenVerifier
  readonly replica: Replica
  readonly cursors: CursorCodec
  /** The newest revision committed, as of a moment after the call. */
  readLatestRevision(): Promise<number>
}

/** What a caller of `createReader` brings along; it stays the caller's to close. */
export interface ReaderOverrides {
  logger?: Logger
  connection?: NatsConnection
}

/** PostgreSQL, or the writer that makes the store, may be starting; how long to wait, and between attempts. */
const startTimeoutMs = 30_000
const startRetryMs = 250

export async function openContext(config: ReaderConfig, overrides: ReaderOverrides): Promise<ReaderContext> {
  const { store, instanceId, logLevel, authSecret, cacheBytes } = config
  const logger = overrides.logger ?? createLogger({ service: 'reader', level: logLevel, instanceId })
  await using opened = new AsyncDisposableStack()
  const connection =
    overrides.connection ?? (await openNats(config.natsAddress, { name: `qcore-reader ${instanceId}` }))
  if (overrides.connection === undefined) opened.defer(() => connection.close())
  const pool = opened.adopt(openReaderPool(config, logger), (pool) => pool.end())
  const replica = opened.use(await openWhenReady({ connection, pool, store, logger, cacheBytes }))
  const owned = opened.move()
  return {
    config,
    logger,
    connection,
    pool,
    verifier: createTokenVerifier(authSecret),
    replica,
    cursors: createCursorCodec(authSecret, store),
    readLatestRevision: coalesce(async () => (await readDatabase(readHead(pool))).revision),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function openReaderPool({ postgresAddress, store, instanceId, connections }: ReaderConfig, logger: Logger) {
  return openPool(
    {
      address: postgresAddress,
      store,
      applicationName: `qcore-reader ${instanceId}`,
      max: connections,
      // Finds are short; compiling one takes longer than running it.
      settings: { jit: 'off' },
    },
    (error) => logger.warn({ err: error }, 'a connection to PostgreSQL broke'),
  )
}

async function openWhenReady(options: ReplicaOptions): Promise<Replica> {
  const deadline = performance.now() + startTimeoutMs
  for (;;) {
    try {
      return await openReplica(options)
    } catch (error) {
      if (performance.now() >= deadline) {
        throw new QError('unavailable', 'PostgreSQL, or the store in it, cannot be read', { cause: error })
      }
      options.logger.warn({ err: error }, 'the store cannot be read yet')
      await delay(startRetryMs)
    }
  }
}
