import { connect } from '@qcore/client'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { startRedis } from '@qcore/local-stack'
import { inject } from 'vitest'
import {
  PostgresLeadershipStore,
  QcoreLeadershipStore,
  RedisLeadershipStore,
  type LeadershipStore,
} from '../src/index.ts'
import { startStore } from './_store.ts'

/** A server that keeps leases, and ways to it. */
export interface LeadershipServer extends AsyncDisposable {
  /** A store with connections of its own; by the proxy if it is to be cut off. */
  open(by?: FaultProxy): Promise<LeadershipStore>
  proxy(): Promise<FaultProxy>
}

export const leadershipServers: readonly (readonly [string, () => Promise<LeadershipServer>])[] = [
  ['Redis', startRedisServer],
  ['PostgreSQL', startPostgresServer],
  ['qcore', startQcoreServer],
]

async function startRedisServer(): Promise<LeadershipServer> {
  const redis = await startRedis()
  return {
    open: async (by) => new RedisLeadershipStore({ address: by?.url ?? `${redis.host}:${redis.port}` }),
    proxy: () => openFaultProxy(redis.url),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  }
}

async function startPostgresServer(): Promise<LeadershipServer> {
  const url = inject('postgresUrl')
  return {
    open: async (by) => new PostgresLeadershipStore({ address: by?.url ?? url }),
    proxy: () => openFaultProxy(url),
    [Symbol.asyncDispose]: async () => {},
  }
}

async function startQcoreServer(): Promise<LeadershipServer> {
  await using parts = new AsyncDisposableStack()
  const store = parts.use(await startStore())
  const url = inject('natsUrl')
  const clients = parts.use(new AsyncDisposableStack())
  const running = parts.move()
  return {
    open: async (by) => {
      const client = clients.use(await connect({ servers: by?.url ?? url, store: store.name, token: store.token }))
      return new QcoreLeadershipStore(client)
    },
    proxy: () => openFaultProxy(url),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
