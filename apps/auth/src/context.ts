import type { NatsConnection } from '@nats-io/transport-node'
import { createTokenVerifier, type TokenVerifier } from '@qcore/access'
import { createLogger, openNats, type Logger } from '@qcore/service'
import { assertConsistent, type AuthConfig } from './config.ts'

/** What auth works with. Disposing closes what it opened. */
export interface AuthContext extends AsyncDisposable {
  readonly config: AuthConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly verifier: TokenVerifier
}

/** What a caller of `createAuth` brings along; it stays the caller's to close. */
export interface AuthOverrides {
  logger?: Logger
  connection?: NatsConnection
}

export async function openContext(config: AuthConfig, overrides: AuthOverrides): Promise<AuthContext> {
  assertConsistent(config)
  const { instanceId, logLevel } = config
  const logger = overrides.logger ?? createLogger({ service: 'auth', level: logLevel, instanceId })
  const connection = overrides.connection ?? (await openNats(config.natsAddress, { name: `qcore-auth ${instanceId}` }))
  return {
    config,
    logger,
    connection,
    verifier: createTokenVerifier(config.authSecret),
    async [Symbol.asyncDispose]() {
      if (overrides.connection === undefined) await connection.close()
    },
  }
}
