import type { Service } from '@qcore/service'
import type { GatewayConfig } from './config.ts'
import { openContext, type GatewayOverrides } from './context.ts'
import { Gateway } from './gateway.ts'
import { createOperationsHandler } from './operations/operations-handler.ts'

export { gatewayVariables } from './config.ts'
export type { GatewayConfig } from './config.ts'
export type { GatewayOverrides } from './context.ts'

/** The gateway, and where it listens. */
export interface GatewayService extends Service {
  /** The port, which is another one than that of `Q_WEB_ADDR` if that is 0. */
  readonly port: number
}

/**
 * Starts the gateway: every service of the platform over HTTP. It owns no data; any number may run.
 *
 * @throws QError `configuration`, `unavailable`
 */
export async function createGateway(config: GatewayConfig, overrides: GatewayOverrides = {}): Promise<GatewayService> {
  await using opened = new AsyncDisposableStack()
  const context = opened.use(await openContext(config, overrides))
  const gateway = new Gateway(context)
  const operations = opened.use(await createOperationsHandler(gateway))
  // It stops first: it answers with the others until its last call has ended.
  opened.use(gateway)
  await gateway.listen(operations)
  context.logger.info({ store: config.store, host: config.webAddress.host, port: gateway.port }, 'serving')
  const owned = opened.move()
  return {
    name: gateway.name,
    port: gateway.port,
    checkHealth: () => gateway.checkHealth(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
