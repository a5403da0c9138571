import { spawn, type ChildProcess } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { launch } from '@qcore/launcher'
import { inject } from 'vitest'
import { connect, type Client, type TokenInit } from '../src/index.ts'

type Mode = 'auth' | 'reader' | 'writer' | 'notifier' | 'gateway'

const workspace = new URL('../../../', import.meta.url)

/** A store of its own, with services of its own. */
export interface TestStore extends AsyncDisposable {
  readonly name: string
  readonly url: string
  readonly masterToken: string
  readonly env: Readonly<Record<string, string>>
  mint(init?: Partial<TokenInit>): Promise<string>
  /** A token of this store whose time is over. */
  endedToken(): string
}

/** Starts services of a new store in this process. */
export async function startStore(modes: readonly Mode[]): Promise<TestStore> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const port = await freePort()
  const masterToken = randomBytes(24).toString('hex')
  const env = {
    Q_STORE: name,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: randomBytes(24).toString('hex'),
    Q_MASTER_TOKEN: masterToken,
    Q_WEB_ADDR: `127.0.0.1:${port}`,
    Q_LOG_LEVEL: 'silent',
  }
  const services = await launch({ ...env, Q_MODES: modes.join(',') })
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    masterToken,
    env,
    async mint(init = {}) {
      await using q = await connect({ servers: inject('natsUrl'), store: name, token: masterToken })
      return (await q.token.mint({ subject: 'tester', level: 'admin', ...init })).token
    },
    endedToken: () => signToken(env.Q_AUTH_SECRET, Date.now() / 1_000 - 3_600),
    [Symbol.asyncDispose]: () => services[Symbol.asyncDispose](),
  }
}

function signToken(secret: string, expiresAt: number): string {
  const parts = [
    { alg: 'HS256', typ: 'at+jwt' },
    {
      iss: 'qcore',
      aud: 'qcore',
      sub: 'tester',
      jti: 'ended',
      iat: Math.floor(expiresAt - 60),
      exp: Math.floor(expiresAt),
      level: 'admin',
      scope: [],
    },
  ]
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** A service in a process of its own, that can be killed. */
export interface ServiceProcess extends AsyncDisposable {
  readonly pid: number
  /** Ends it as a crash does. */
  kill(): Promise<void>
  start(): void
}

export function spawnService(mode: Mode, env: Readonly<Record<string, string>>): ServiceProcess {
  let child: ChildProcess | undefined
  const start = (): void => {
    child = spawn(process.execPath, [new URL(`apps/${mode}/src/main.ts`, workspace).pathname], {
      env: { ...process.env, ...env },
      stdio: 'inherit',
    })
  }
  const kill = async (): Promise<void> => {
    if (child?.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  start()
  return {
    get pid() {
      return child?.pid ?? 0
    },
    kill,
    start,
    [Symbol.asyncDispose]: kill,
  }
}

/** A client over NATS that is told when to close. */
export async function natsClient(store: TestStore, token: string, servers = inject('natsUrl')): Promise<Client> {
  return connect({ servers, store: store.name, token })
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
