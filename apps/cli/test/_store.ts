import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { connect } from '@qcore/client'
import { launch } from '@qcore/launcher'
import { inject } from 'vitest'

/** A whole system with a store of its own. */
export interface TestSystem extends AsyncDisposable {
  readonly store: string
  readonly url: string
  readonly token: string
  readonly masterToken: string
}

export async function startSystem(): Promise<TestSystem> {
  const store = `test_${randomBytes(6).toString('hex')}`
  const masterToken = randomBytes(24).toString('hex')
  const port = await freePort()
  const services = await launch({
    Q_STORE: store,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: randomBytes(24).toString('hex'),
    Q_MASTER_TOKEN: masterToken,
    Q_WEB_ADDR: `127.0.0.1:${port}`,
    Q_LOG_LEVEL: 'silent',
  })
  const url = `http://127.0.0.1:${port}`
  await using q = await connect({ url, token: masterToken })
  const { token } = await q.token.mint({ subject: 'ada', level: 'admin' })
  return { store, url, token, masterToken, [Symbol.asyncDispose]: () => services[Symbol.asyncDispose]() }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
