import { randomBytes } from 'node:crypto'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Transport } from '@connectrpc/connect'
import { createLogger, readSettings } from '@qcore/service'
import { createNatsTransport } from '@qcore/transport'
import { inject } from 'vitest'
import { authVariables, createAuth } from '../src/service.ts'

export interface AuthServer extends AsyncDisposable {
  readonly store: string
  readonly authSecret: string
  readonly masterToken: string
  readonly transport: Transport
  readonly connection: NatsConnection
  checkHealth(): Promise<boolean>
}

/** Auth of a store of its own, and a connection to call it through. */
export async function startAuth(): Promise<AuthServer> {
  await using opened = new AsyncDisposableStack()
  const store = `test_${randomBytes(6).toString('hex')}`
  const authSecret = randomBytes(24).toString('hex')
  const masterToken = randomBytes(24).toString('hex')
  const config = readSettings(authVariables, {
    Q_STORE: store,
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: authSecret,
    Q_MASTER_TOKEN: masterToken,
  })
  const logger = createLogger({ service: 'auth', level: 'silent', instanceId: 'test' })
  const auth = opened.use(await createAuth(config, { logger }))
  const url = new URL(inject('natsUrl'))
  const connection = await connect({ servers: url.host })
  opened.defer(() => connection.close())
  const owned = opened.move()
  return {
    store,
    authSecret,
    masterToken,
    transport: createNatsTransport({ connection, store }),
    connection,
    checkHealth: async () => (await auth.checkHealth(AbortSignal.timeout(1_000))).every(({ ok }) => ok),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
