import { describe, expect, it } from 'vitest'
import { isLeadershipAddress, openLeadershipStore, PostgresLeadershipStore, RedisLeadershipStore } from './index.ts'

describe('the address of a leadership store', () => {
  it.each(['redis:6379', '127.0.0.1:1', '[::1]:6379', 'redis://u:p@h:1/2', 'rediss://h', 'postgres://h/d', 'qcore'])(
    'can be %s',
    (address) => expect(isLeadershipAddress(address)).toBe(true),
  )

  it.each(['', 'redis', 'redis:', 'http://h:1', 'nats://h:1', 'a b:1', 'h:1:2', 'postgres:5432x'])(
    'cannot be "%s"',
    (address) => {
      expect(isLeadershipAddress(address)).toBe(false)
      expect(() => openLeadershipStore(address)).toThrow(
        expect.objectContaining({ code: 'configuration', field: 'Q_LEADER_STORE_ADDR' }),
      )
    },
  )

  it('decides which store is opened', async () => {
    await using redis = openLeadershipStore('127.0.0.1:1')
    await using postgres = openLeadershipStore('postgres://127.0.0.1:1/d')
    expect(redis).toBeInstanceOf(RedisLeadershipStore)
    expect(postgres).toBeInstanceOf(PostgresLeadershipStore)
  })

  it('needs a client if it is qcore', () => {
    expect(() => openLeadershipStore('qcore')).toThrow(/needs a client/)
  })
})
