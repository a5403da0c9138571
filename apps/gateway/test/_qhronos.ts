import { randomBytes } from 'node:crypto'
import { mintToken } from '@qcore/access'
import { AccessLevel } from '@qcore/contracts'
import { launch } from '@qcore/launcher'
import { inject } from 'vitest'
import { freePort } from './_qlib-store.ts'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

interface Options {
  readonly token?: string
  readonly body?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Qhronos' interface at a gateway, with the services behind it. */
export interface Qhronos extends AsyncDisposable {
  readonly url: string
  readonly store: string
  readonly authSecret: string
  readonly masterToken: string
  /** A token of level admin in Qhronos' form. */
  readonly admin: string
  /** A token of level admin in the platform's own form. */
  ownAdmin(scopes?: string[]): Promise<string>
  token(access: 'read' | 'write' | 'admin', scope: string[], sub?: string): Promise<string>
  call(method: string, path: string, options?: Options): Promise<Reply>
  /** Starts another gateway of the same platform; the caller disposes it. */
  startGateway(more?: Readonly<Record<string, string>>): Promise<AsyncDisposable & { readonly url: string }>
}

export const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString()

export async function startQhronos(
  modes: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Qhronos> {
  const store = `test_${randomBytes(6).toString('hex')}`
  const authSecret = randomBytes(24).toString('hex')
  const masterToken = randomBytes(24).toString('hex')
  const address = `127.0.0.1:${await freePort()}`
  const common = {
    Q_STORE: store,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: authSecret,
    Q_MASTER_TOKEN: masterToken,
    Q_LOG_LEVEL: 'silent',
    Q_QHRONOS_RATE: '0',
    ...settings,
  }
  const services = await launch({ ...common, Q_WEB_ADDR: address, Q_MODES: modes.join(',') })
  const url = `http://${address}`
  const { token: admin } = await mintToken(authSecret, {
    subject: 'root',
    level: AccessLevel.ADMIN,
    scopes: [],
    lifetimeSeconds: 3_600,
    form: 'qhronos',
  })
  const call: Qhronos['call'] = async (method, path, { token = admin, body, text, headers = {} } = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined && text === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined && text === undefined ? {} : { body: text ?? JSON.stringify(body) }),
    })
    const answer = await response.text()
    return { status: response.status, headers: response.headers, body: answer === '' ? undefined : JSON.parse(answer) }
  }
  return {
    url,
    store,
    authSecret,
    masterToken,
    admin,
    call,
    async ownAdmin(scopes = []) {
      const request = { subject: 'root', level: AccessLevel.ADMIN, scopes, lifetimeSeconds: 600 }
      return (await mintToken(authSecret, request)).token
    },
    async token(access, scope, sub = 'ada') {
      const body = { type: 'jwt', sub, access, scope, expires_at: inAnHour() }
      return (await call('POST', '/tokens', { token: masterToken, body })).body.token as string
    },
    async startGateway(more = {}) {
      const other = `127.0.0.1:${await freePort()}`
      const gateway = await launch({ ...common, ...more, Q_WEB_ADDR: other, Q_MODES: 'gateway' })
      return { url: `http://${other}`, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
    },
    [Symbol.asyncDispose]: () => services[Symbol.asyncDispose](),
  }
}
