import { randomBytes } from 'node:crypto'
import { connect, type Client } from '@qcore/client'
import { freePort } from '@qcore/local-stack'
import { inject } from 'vitest'
import { launch } from '../src/index.ts'

/** All services, in this process. */
export interface TestSystem extends AsyncDisposable {
  readonly store: string
  readonly url: string
  readonly authSecret: string
  readonly masterToken: string
  /** A client over NATS, or over HTTP. */
  open(token: string, way?: 'nats' | 'http'): Promise<Client>
  mint(level: 'read' | 'write' | 'admin', subject?: string, scopes?: string[]): Promise<string>
}

export async function startSystem(settings: Readonly<Record<string, string>> = {}): Promise<TestSystem> {
  const store = `test_${randomBytes(6).toString('hex')}`
  const authSecret = randomBytes(24).toString('hex')
  const masterToken = randomBytes(24).toString('hex')
  const address = `127.0.0.1:${await freePort()}`
  const services = await launch({
    Q_STORE: store,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: authSecret,
    Q_MASTER_TOKEN: masterToken,
    Q_WEB_ADDR: address,
    Q_LOG_LEVEL: 'silent',
    ...settings,
  })
  const url = `http://${address}`
  const open: TestSystem['open'] = (token, way = 'nats') =>
    connect(way === 'http' ? { url, token } : { servers: inject('natsUrl'), store, token })
  return {
    store,
    url,
    authSecret,
    masterToken,
    open,
    async mint(level, subject = 'ada', scopes = []) {
      await using q = await open(masterToken)
      return (await q.token.mint({ subject, level, scopes })).token
    },
    [Symbol.asyncDispose]: () => services[Symbol.asyncDispose](),
  }
}
