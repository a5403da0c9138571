import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { connect, type ConnectOptions } from '@qcore/client'
import { launch } from '@qcore/launcher'
import { Pool } from 'pg'
import { inject } from 'vitest'
import { CoreSystem, type CoreSystemOptions, type Logger } from '../src/index.ts'

/** A store with all its services, and a database of its own for handlers. */
export interface TestStore extends AsyncDisposable {
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  readonly qcore: ConnectOptions & { readonly servers: string; readonly store: string; readonly token: string }
  /** Of the schema that handlers work in. */
  readonly connectionString: string
  readonly pool: Pool
  system(options?: Partial<CoreSystemOptions>): Promise<CoreSystem>
}

export async function startStore(
  modes = 'writer,reader,notifier,auth',
  natsUrl = inject('natsUrl'),
): Promise<TestStore> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const masterToken = randomBytes(24).toString('hex')
  const env = {
    Q_STORE: name,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: natsUrl,
    Q_AUTH_SECRET: randomBytes(24).toString('hex'),
    Q_MASTER_TOKEN: masterToken,
    Q_LOG_LEVEL: process.env['TEST_LOG'] ?? 'silent',
  }
  const services = await launch({ ...env, Q_MODES: modes })
  const schema = `${name}_app`
  const url = new URL(inject('postgresUrl'))
  url.searchParams.set('options', `-c search_path=${schema}`)
  const pool = new Pool({ connectionString: url.href, max: 2 })
  await pool.query(`create schema ${schema}`)
  await pool.query('create table effect (event text, note text, tx bigint default txid_current())')
  await using minting = await connect({ servers: natsUrl, store: name, token: masterToken })
  const { token } = await minting.token.mint({ subject: 'tester', level: 'write', lifetimeSeconds: 3_600 })
  const qcore = { servers: natsUrl, store: name, token }
  return {
    name,
    env,
    qcore,
    connectionString: url.href,
    pool,
    system: (options = {}) =>
      CoreSystem.connect({ qcore, namespace: 'demo', connectionString: url.href, logger: testLogger, ...options }),
    async [Symbol.asyncDispose]() {
      await pool.query(`drop schema ${schema} cascade`)
      await pool.end()
      await services[Symbol.asyncDispose]()
    },
  }
}

const print = (message: string, facts: unknown): void => {
  if (process.env['TEST_LOG'] !== undefined) process.stderr.write(`${message} ${inspect(facts)}\n`)
}

const testLogger: Logger = { debug: () => undefined, info: () => undefined, warn: print, error: print }
