import type { NatsConnection } from '@nats-io/transport-node'
import { openTokenAccess, type TokenTrust, type TokenVerifier } from '@qcore/access'
import { createLogger, openNats, type Logger } from '@qcore/service'
import type { GatewayConfig } from './config.ts'
import { trustFromAuth } from './tokens/trust-from-auth.ts'

/** What the gateway works with. Disposing closes what it opened. */
export interface GatewayContext extends AsyncDisposable {
  readonly config: GatewayConfig
  readonly logger: Logger
  readonly connection: NatsConnection
  readonly verifier: TokenVerifier
  /** The keys that the gateway publishes. */
  readonly trust: TokenTrust
}

/** What a caller of `createGateway` brings along; it stays the caller's to close. */
export interface GatewayOverrides {
  logger?: Logger
  connection?: NatsConnection
}

export async function openContext(config: GatewayConfig, overrides: GatewayOverrides): Promise<GatewayContext> {
  const { instanceId, logLevel } = config
  const logger = overrides.logger ?? createLogger({ service: 'gateway', level: logLevel, instanceId })
  await using opened = new AsyncDisposableStack()
  const connection =
    overrides.connection ?? (await openNats(config.natsAddress, { name: `qcore-gateway ${instanceId}` }))
  if (overrides.connection === undefined) opened.defer(() => connection.close())
  const source = trustFromAuth(connection, config)
  const access = opened.use(await openTokenAccess({ config, connection, logger, source, beginsUnknowing: true }))
  const owned = opened.move()
  return {
    config,
    logger,
    connection,
    verifier: access.verifier,
    trust: access.trust,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
