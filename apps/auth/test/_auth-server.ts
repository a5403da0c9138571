import { randomBytes } from 'node:crypto'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Transport } from '@connectrpc/connect'
import { openTokenAccess, trustFromDatabase, type TokenAccess } from '@qcore/access'
import { closePool, openPool } from '@qcore/database'
import { createLogger, readSettings, type Environment } from '@qcore/service'
import { createNatsTransport } from '@qcore/transport'
import { inject } from 'vitest'
import { authVariables, createAuth } from '../src/service.ts'

export interface AuthServer extends AsyncDisposable {
  readonly store: string
  readonly authSecret: string
  readonly masterToken: string
  readonly transport: Transport
  readonly connection: NatsConnection
  readonly access: TokenAccess
  checkHealth(): Promise<boolean>
}

/** Auth of a store of its own, and a connection to call it through. */
export async function startAuth(env: Environment = {}): Promise<AuthServer> {
  await using opened = new AsyncDisposableStack()
  const store = env['Q_STORE'] ?? `test_${randomBytes(6).toString('hex')}`
  const authSecret = env['Q_AUTH_SECRET'] ?? randomBytes(24).toString('hex')
  const masterToken = env['Q_MASTER_TOKEN'] ?? randomBytes(24).toString('hex')
  const config = readSettings(authVariables, {
    Q_STORE: store,
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: authSecret,
    Q_MASTER_TOKEN: masterToken,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    ...env,
  })
  const logger = createLogger({ service: 'auth', level: 'silent', instanceId: 'test' })
  const auth = opened.use(await createAuth(config, { logger }))
  const url = new URL(inject('natsUrl'))
  const connection = await connect({ servers: url.host })
  opened.defer(() => connection.close())
  const pool = openPool({ address: config.postgresAddress, store, applicationName: 'test', max: 2 }, () => undefined)
  opened.defer(() => closePool(pool))
  const source = trustFromDatabase(pool)
  const access = opened.use(await openTokenAccess({ config, connection, logger, source }))
  const owned = opened.move()
  return {
    store,
    authSecret,
    masterToken,
    transport: createNatsTransport({ connection, store }),
    connection,
    access,
    checkHealth: async () => (await auth.checkHealth(AbortSignal.timeout(1_000))).every(({ ok }) => ok),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
