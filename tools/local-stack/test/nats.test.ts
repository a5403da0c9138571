import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect, inject, onTestFinished, test } from 'vitest'
import { freePort, startNats } from '../src/index.ts'
import { findPackagedNats } from '../src/nats-programs.ts'
import { makeTemporaryFolder } from './_temporary-folder.ts'

const env = { PATH: '/nowhere' }

test('NATS from source package runs with JetStream, and leaves nothing behind', async () => {
  const server = await startNats({ source: 'package', env })
  expect(server.source).toMatch(/^nats-server \d+\.\d+\.\d+ from the package of .+, unpacked in .+\.qcore\/cache$/)
  expect(await readInfo(server.url)).toMatchObject({ jetstream: true, max_payload: 1024 * 1024, host: '127.0.0.1' })
  await server.stop()
  await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow()
})

test('NATS from source machine is the one on the PATH', async () => {
  const folder = await makeTemporaryFolder()
  const packaged = await findPackagedNats(undefined)
  if (typeof packaged === 'string') throw new Error(packaged)
  await symlink(packaged.program, path.join(folder, 'nats-server'))
  await using server = await startNats({ source: 'machine', jetstream: false, env: { PATH: folder } })
  expect(server.source).toMatch(/^nats-server \d+\.\d+\.\d+ on this machine$/)
  expect((await readInfo(server.url)).jetstream ?? false).toBe(false)
})

test('a source that has nothing is one clear line', async () => {
  await expect(startNats({ env: { Q_NATS_SOURCE: 'address' } })).rejects.toThrow(
    /^Q_NATS_SOURCE=address gives no NATS 2.9.10 or newer: Q_NATS_ADDR is unset$/,
  )
})

test('a container is used where an engine answers, and said to be missing where none does', async () => {
  const outcome = await startNats({ source: 'container', env: {} }).then(
    async (server) => {
      await server.stop()
      return server.source
    },
    (error: Error) => error.message,
  )
  expect([
    'NATS in a container of nats:2',
    'Q_NATS_SOURCE=container gives no NATS 2.9.10 or newer: no container engine answers',
  ]).toContain(outcome)
})

test('a configured address comes first', async () => {
  const url = inject('natsUrl')
  await using server = await startNats({ env: { Q_NATS_ADDR: url } })
  expect(server).toMatchObject({ url, source: 'the address in Q_NATS_ADDR' })
})

test('streams, token and port outlive a restart and a SIGKILL', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(), 'nats')
  await using server = await startNats({ dataFolder, token: true, config: 'max_payload: 2MB', env })
  await ask(server.url, '$JS.API.STREAM.CREATE.KEPT', { name: 'KEPT', subjects: ['kept'] })
  await ask(server.url, 'kept', 'one')
  await server.restart()
  await ask(server.url, 'kept', 'two')
  server.kill('SIGKILL')
  await server.ended()
  await server.restart()
  expect(await ask(server.url, '$JS.API.STREAM.INFO.KEPT', {})).toMatchObject({ state: { messages: 2 } })
  expect((await readInfo(server.url)).max_payload).toBe(2 * 1024 * 1024)
  expect(statSync(path.join(dataFolder, 'nats.conf')).mode & 0o777).toBe(0o600)
  await expect(connect({ servers: `${server.host}:${server.port}`, reconnect: false })).rejects.toThrow(
    /authorization/i,
  )
})

test('a setting that the server refuses is told with its own words', async () => {
  await expect(startNats({ config: 'no_such_setting: 1', env })).rejects.toThrow(
    /^NATS did not start \(exit code 1\): .*no_such_setting/,
  )
})

test('a port in use is one clear line, and the folder is free again', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(), 'nats')
  const port = await freePort()
  const other = createServer().listen(port, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  await expect(startNats({ port, dataFolder, env })).rejects.toThrow(
    `port ${port} of 127.0.0.1, for NATS, is in use by another program`,
  )
  expect(existsSync(path.join(dataFolder, 'owner.json'))).toBe(false)
})

async function readInfo(url: string): Promise<NonNullable<NatsConnection['info']>> {
  const connection = await open(url)
  const { info } = connection
  await connection.close()
  if (info === undefined) throw new Error('a connected server has told of itself')
  return info
}

function open(url: string): Promise<NatsConnection> {
  const { username, host } = new URL(url)
  return connect({ servers: host, ...(username === '' ? {} : { token: username }) })
}

/** One request with a JSON body, on a connection of its own. */
async function ask(url: string, subject: string, body: unknown): Promise<unknown> {
  const connection = await open(url)
  const answer = await connection.request(subject, JSON.stringify(body), { timeout: 2_000 })
  await connection.close()
  return answer.json()
}
