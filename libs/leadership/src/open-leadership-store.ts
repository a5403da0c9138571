import { QError, type Client } from '@qcore/client'
import type { LeadershipStore } from './leadership-store.ts'
import { PostgresLeadershipStore } from './postgres/postgres-leadership-store.ts'
import { QcoreLeadershipStore } from './qcore/qcore-leadership-store.ts'
import { RedisLeadershipStore } from './redis/redis-leadership-store.ts'

const redisPattern = /^(\[[0-9a-fA-F:]+\]|[^:/\s]+):\d{1,5}$/

/** Whether an address names a leadership store: `host:port` of a Redis, `redis://…`, `postgres://…` or `qcore`. */
export function isLeadershipAddress(address: string): boolean {
  if (address === 'qcore' || redisPattern.test(address)) return true
  return (
    URL.canParse(address) &&
    /^(rediss?|postgres|postgresql):$/.test(new URL(address).protocol) &&
    address.includes('://')
  )
}

/**
 * Opens the leadership store that an address names; `qcore` is the store of the client.
 *
 * @throws QError `configuration`
 */
export function openLeadershipStore(
  address: string,
  { password = '', client }: { readonly password?: string; readonly client?: Client } = {},
): LeadershipStore {
  if (!isLeadershipAddress(address)) {
    throw new QError(
      'configuration',
      'the address of the leadership store is neither host:port, redis://…, postgres://… nor qcore',
      {
        field: 'Q_LEADER_STORE_ADDR',
      },
    )
  }
  if (address === 'qcore') {
    if (client !== undefined) return new QcoreLeadershipStore(client)
    throw new QError('configuration', 'a leadership store in qcore needs a client', { field: 'Q_LEADER_STORE_ADDR' })
  }
  if (/^postgres(ql)?:\/\//.test(address)) return new PostgresLeadershipStore({ address, password })
  return new RedisLeadershipStore({ address, password })
}
