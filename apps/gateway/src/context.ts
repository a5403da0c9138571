import type { NatsConnection } from '@nats-io/transport-node'
import { createTokenVerifier, type TokenVerifier } from '@qcore/access'
import { createLogger, openNats, type Logger } from '@qcore/service'
import type { GatewayConfig } from './config.ts'

/** What the gateway works with. Disposing closes what it opened. */
export interface GatewayContext extends AsyncDisposable {
  readonly config: GatewayConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly verifier: TokenVerifier
}

/** What a caller of `createGateway` brings along; it stays the caller's to close. */
export interface GatewayOverrides {
  logger?: Logger
  connection?: NatsConnection
}

export async function openContext(config: GatewayConfig, overrides: GatewayOverrides): Promise<GatewayContext> {
  const { instanceId, logLevel } = config
  const logger = overrides.logger ?? createLogger({ service: 'gateway', level: logLevel, instanceId })
  const connection =
    overrides.connection ?? (await openNats(config.natsAddress, { name: `qcore-gateway ${instanceId}` }))
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
