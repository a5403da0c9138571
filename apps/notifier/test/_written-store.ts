import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { createClient, type Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import { AccessLevel, CommitService, MutationSchema, type Mutation } from '@qcore/contracts'
import { openPool } from '@qcore/database'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { inject } from 'vitest'
import { authSecret } from './_notifier.ts'

/** A store with a writer of its own, in a process of its own. */
export interface WrittenStore extends AsyncDisposable {
  readonly store: string
  readonly pool: ReturnType<typeof openPool>
  readonly commits: Client<typeof CommitService>
  readonly rootId: string
  /** Makes one commit; gives its revision. */
  commit(...mutations: MessageInitShape<typeof MutationSchema>['kind'][]): Promise<number>
}

const writerMain = fileURLToPath(new URL('../../writer/src/main.ts', import.meta.url))
const startTimeoutMs = 20_000

export async function createWrittenStore(connection: NatsConnection): Promise<WrittenStore> {
  await using opened = new AsyncDisposableStack()
  const store = `test_${randomBytes(6).toString('hex')}`
  const pool = openPool({ address: inject('postgresUrl'), store, applicationName: 'test', max: 2 }, () => undefined)
  opened.defer(() => pool.end())
  opened.defer(async () => void (await pool.query(`drop schema if exists ${store} cascade`)))
  const writer = spawn(process.execPath, [writerMain], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      Q_STORE: store,
      Q_POSTGRES_ADDR: inject('postgresUrl'),
      Q_NATS_ADDR: inject('natsUrl'),
      Q_AUTH_SECRET: authSecret,
      Q_LOG_LEVEL: 'silent',
    },
  })
  const exited = once(writer, 'exit')
  opened.defer(async () => {
    writer.kill('SIGTERM')
    await exited
  })
  const commits = await commitClient(connection, store)
  const commit = async (...kinds: MessageInitShape<typeof MutationSchema>['kind'][]): Promise<number> => {
    const mutations: Mutation[] = kinds.map((kind) => create(MutationSchema, { kind: kind ?? { case: undefined } }))
    return Number((await commits.commit({ mutations })).revision)
  }
  await whenServed(() => commit({ case: 'setSchema', value: { schema: { type: 'Probe', fields: [] } } }))
  const { rows } = await pool.query<{ id: string }>(`select id from entity where parent_id = ''`)
  const owned = opened.move()
  const [root] = rows
  if (root === undefined) throw new Error('the store has no root')
  return { store, pool, commits, rootId: root.id, commit, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function commitClient(connection: NatsConnection, store: string): Promise<Client<typeof CommitService>> {
  const request = { subject: 'committer', level: AccessLevel.ADMIN, scopes: [], lifetimeSeconds: 3_600 }
  const { token } = await mintToken(authSecret, request)
  const transport = createNatsTransport({
    connection,
    store,
    interceptors: [
      (next) => (call) => {
        call.header.set('Authorization', `Bearer ${token}`)
        return next(call)
      },
    ],
  })
  return createClient(CommitService, transport)
}

async function whenServed(call: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  for (;;) {
    try {
      await call()
      return
    } catch (error) {
      const { code } = fromConnectError(error)
      if (performance.now() > deadline || !['no_responders', 'not_leader', 'unavailable'].includes(code)) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
