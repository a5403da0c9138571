import { randomBytes } from 'node:crypto'
import { connect, type TokenLevel } from '@qcore/client'
import { launch } from '@qcore/launcher'
import { inject } from 'vitest'

/** A store of its own, with services in this process. */
export interface TestStore extends AsyncDisposable {
  readonly name: string
  /** Level admin. */
  readonly token: string
  mint(level: TokenLevel): Promise<string>
}

export async function startStore(): Promise<TestStore> {
  const store = `test_${randomBytes(6).toString('hex')}`
  const masterToken = randomBytes(24).toString('hex')
  const services = await launch({
    Q_STORE: store,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: randomBytes(24).toString('hex'),
    Q_MASTER_TOKEN: masterToken,
    Q_LOG_LEVEL: 'silent',
    Q_MODES: 'auth,reader,writer,notifier',
  })
  const mint = async (level: TokenLevel): Promise<string> => {
    await using q = await connect({ servers: inject('natsUrl'), store, token: masterToken })
    return (await q.token.mint({ subject: 'tester', level })).token
  }
  const token = await mint('admin')
  return { name: store, token, mint, [Symbol.asyncDispose]: () => services[Symbol.asyncDispose]() }
}
