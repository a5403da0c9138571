import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startSystem } from '../src/index.ts'
import { markProcess } from '../src/process-mark.ts'
import { makeTemporaryFolder } from './_temporary-folder.ts'

/** Without the settings of whoever runs the tests. */
const env = { PATH: process.env.PATH }
const startTimeoutMs = 60_000

test(
  'a system of one process is ready, asks for a token, and is gone when disposed',
  { timeout: startTimeoutMs },
  async () => {
    const dataFolder = path.join(await makeTemporaryFolder(), 'q')
    const system = await startSystem({ dataFolder, durable: false, env })
    const { processes, backing } = system
    expect(processes.map(({ name }) => name)).toEqual(['qcore'])
    expect(await readRoot(system.url, system.token)).toBe(200)
    expect(await readRoot(system.url, '')).toBe(401)
    expect(statSync(path.join(dataFolder, 'secrets.json')).mode & 0o777).toBe(0o600)

    await system[Symbol.asyncDispose]()
    for (const pid of [processes[0]?.pid, backing.postgres.pid, backing.nats.pid]) {
      expect(markProcess(pid ?? 0)).toBeUndefined()
    }
    expect(readFileSync(system.logFile, 'utf8')).toContain('"msg":"stopped"')

    // The token was signed with a secret that is kept.
    await using again = await startSystem({ dataFolder, durable: false, env })
    expect(again.masterToken).toBe(system.masterToken)
    expect(await readRoot(again.url, system.token)).toBe(200)
  },
)

test('each service of a system is ended and started alone', { timeout: startTimeoutMs }, async () => {
  await using system = await startSystem({ separate: true, durable: false, env })
  const names = system.processes.map(({ name }) => name)
  expect(names).toEqual(['auth', 'writer', 'reader', 'notifier', 'scheduler', 'gateway'])
  const reader = system.processes.find(({ name }) => name === 'reader')
  if (reader === undefined) throw new Error('there is a reader')
  const { pid } = reader
  reader.kill('SIGKILL')
  expect(await reader.ended()).toBe('signal SIGKILL')
  await reader.restart()
  expect(reader.pid).not.toBe(pid)
  await expect.poll(() => readRoot(system.url, system.token), { timeout: 10_000 }).toBe(200)

  system.backing.nats.kill('SIGKILL')
  await system.backing.nats.restart()
  system.backing.postgres.kill('SIGKILL')
  await system.backing.postgres.restart()
  await expect.poll(() => readRoot(system.url, system.token), { timeout: 10_000 }).toBe(200)
})

test('a part of a system runs alone', { timeout: startTimeoutMs }, async () => {
  await using system = await startSystem({ modes: ['auth', 'gateway'], separate: true, durable: false, env })
  const response = await fetch(`${system.url}/qcore.auth.v1.TokenService/VerifyToken`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${system.token}` },
    body: JSON.stringify({ token: system.token }),
  })
  expect(await response.json()).toMatchObject({ claims: { subject: 'local-admin', level: 'ACCESS_LEVEL_ADMIN' } })
})

test('a setting that a service refuses ends the start with its words', { timeout: startTimeoutMs }, async () => {
  await expect(startSystem({ durable: false, env: { ...env, Q_LOG_LEVEL: 'loud' } })).rejects.toThrow(
    /ended while it started \(exit code 1\): Q_LOG_LEVEL: "loud" is not one of/,
  )
})

/** The HTTP status of a read through the gateway. */
async function readRoot(url: string, token: string): Promise<number> {
  const response = await fetch(`${url}/qcore.store.v1.ReadService/GetRoot`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
    body: '{}',
  })
  await response.arrayBuffer()
  return response.status
}
