import { randomBytes } from 'node:crypto'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import { AccessLevel } from '@qcore/contracts'
import { createLogger, readSettings, type Environment } from '@qcore/service'
import { inject } from 'vitest'
import { createGateway, gatewayVariables, type GatewayService } from '../src/service.ts'
import { startPlatform, type Platform } from './_platform.ts'

export interface GatewayServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly store: string
  readonly platform: Platform
  readonly gateway: GatewayService
  readonly connection: NatsConnection
  /** `Bearer …` of a token; of level admin unless it is named. */
  bearer(level?: AccessLevel): Promise<string>
}

/** A gateway in front of the services of a store of its own. */
export async function startGateway(env: Environment = {}): Promise<GatewayServer> {
  await using opened = new AsyncDisposableStack()
  const store = `test_${randomBytes(6).toString('hex')}`
  const secret = randomBytes(24).toString('hex')
  const connection = await connect({ servers: new URL(inject('natsUrl')).host })
  opened.defer(() => connection.close())
  const platform = opened.use(await startPlatform(connection, store, secret))
  const config = readSettings(gatewayVariables, {
    Q_STORE: store,
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: secret,
    Q_WEB_ADDR: '127.0.0.1:0',
    ...env,
  })
  const logger = createLogger({ service: 'gateway', level: env['Q_LOG_LEVEL'] ?? 'silent', instanceId: 'test' })
  const gateway = opened.use(await createGateway(config, { logger }))
  const owned = opened.move()
  return {
    url: `http://127.0.0.1:${gateway.port}`,
    port: gateway.port,
    store,
    platform,
    gateway,
    connection,
    async bearer(level = AccessLevel.ADMIN) {
      const caller = { subject: 'ada', level, scopes: [], lifetimeSeconds: 60 }
      return `Bearer ${(await mintToken(secret, caller)).token}`
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
