import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { mintToken } from '@qcore/access'
import { commit, connect, type Client } from '@qcore/client'
import { AccessLevel } from '@qcore/contracts'
import { launch } from '@qcore/launcher'
import { inject } from 'vitest'

type Mode = 'auth' | 'reader' | 'writer' | 'notifier' | 'gateway'

/** A store of its own with all services, and the gateway in front of it. */
export interface QlibStore extends AsyncDisposable {
  readonly name: string
  readonly port: number
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  token(
    init?: Partial<{ subject: string; level: AccessLevel; scopes: string[]; lifetimeSeconds: number }>,
  ): Promise<string>
  /** A client of ours, for what the tests prepare and check. */
  readonly client: Client
}

export async function startQlibStore(
  settings: Readonly<Record<string, string>> = {},
  modes: readonly Mode[] = ['reader', 'writer', 'notifier', 'gateway'],
): Promise<QlibStore> {
  await using opened = new AsyncDisposableStack()
  const name = `test_${randomBytes(6).toString('hex')}`
  const port = await freePort()
  const secret = randomBytes(24).toString('hex')
  const env = {
    Q_STORE: name,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: secret,
    Q_WEB_ADDR: `127.0.0.1:${port}`,
    Q_LOG_LEVEL: 'silent',
    ...settings,
  }
  const token: QlibStore['token'] = async (init = {}) => {
    const caller = { subject: 'tester', level: AccessLevel.ADMIN, scopes: [], lifetimeSeconds: 600, ...init }
    return (await mintToken(secret, caller)).token
  }
  opened.use(await launch({ ...env, Q_MODES: modes.join(',') }))
  const client = opened.use(await connect({ servers: inject('natsUrl'), store: name, token: await token() }))
  // What every store begins with is made by the writer, once it leads.
  if (modes.includes('writer')) await client.plan(commit().setSchema({ type: 'Probe', fields: {} }))
  const owned = opened.move()
  return {
    name,
    port,
    url: `ws://127.0.0.1:${port}/ws`,
    env,
    token,
    client,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
