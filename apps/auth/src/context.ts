import type { NatsConnection } from '@nats-io/transport-node'
import {
  openTokenAccess,
  signTrustChange,
  trustFromDatabase,
  type TokenAccess,
  type TokenVerifier,
  type TrustChange,
} from '@qcore/access'
import { trustSubject } from '@qcore/contracts'
import { closePool, openPool, prepareStore, type Pool } from '@qcore/database'
import { createLogger, openNats, type Logger } from '@qcore/service'
import { assertConsistent, type AuthConfig } from './config.ts'
import { SigningKeys } from './keys/signing-keys.ts'
import { Upkeep } from './upkeep.ts'

/** What auth works with. Disposing closes what it opened. */
export interface AuthContext extends AsyncDisposable {
  readonly config: AuthConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly pool: Pool
  readonly verifier: TokenVerifier
  readonly access: TokenAccess
  readonly keys: SigningKeys
}

/** What a caller of `createAuth` brings along; it stays the caller's to close. */
export interface AuthOverrides {
  logger?: Logger
  connection?: NatsConnection
}

/** Minting and revoking are short, and rare. */
const poolConnections = 4

export async function openContext(config: AuthConfig, overrides: AuthOverrides): Promise<AuthContext> {
  assertConsistent(config)
  const { store, instanceId, logLevel, postgresAddress: address, algorithm, masterToken, keyDays } = config
  const logger = overrides.logger ?? createLogger({ service: 'auth', level: logLevel, instanceId })
  const applicationName = `qcore-auth ${instanceId}`
  await using opened = new AsyncDisposableStack()
  const connection = overrides.connection ?? (await openNats(config.natsAddress, { name: applicationName }))
  if (overrides.connection === undefined) opened.defer(() => connection.close())
  const database = { address, store, applicationName }
  await prepareStore(database, (error) => logger.warn({ err: error }, 'waiting for PostgreSQL'))
  const pool = openPool({ ...database, max: poolConnections }, (error) =>
    logger.warn({ err: error }, 'an idle PostgreSQL connection broke'),
  )
  opened.defer(() => closePool(pool))
  const keySecret = config.keySecret ?? masterToken
  const keys = new SigningKeys({ pool, keySecret, algorithm: algorithm === 'HS256' ? 'EdDSA' : algorithm, keyDays })
  await keys.keep()
  const onChange = (change: TrustChange): void => void announce(change, { connection, config, logger })
  const source = trustFromDatabase(pool)
  const access = opened.use(await openTokenAccess({ config, connection, logger, source, onChange }))
  opened.use(new Upkeep({ pool, keys, access, logger, auditDays: config.auditDays }))
  const owned = opened.move()
  return {
    config,
    logger,
    connection,
    pool,
    verifier: access.verifier,
    access,
    keys,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Tells all services of a change. Those that do not hear of it ask by themselves. */
async function announce(
  change: TrustChange,
  { connection, config, logger }: Pick<AuthContext, 'connection' | 'config' | 'logger'>,
): Promise<void> {
  try {
    const { store, authSecret } = config
    connection.publish(trustSubject(store), await signTrustChange(authSecret, store, change))
  } catch (error) {
    logger.debug({ err: error }, 'a change of the trust was not announced')
  }
}
