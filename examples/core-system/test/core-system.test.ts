import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CoreSystem } from '@qcore/core-system'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

let system: RunningSystem
const running = new AsyncDisposableStack()

beforeAll(async () => {
  system = running.use(await startSystem())
}, 60_000)

afterAll(() => running.disposeAsync())

/** The lines that a program of the example prints. */
function run(program: string, env: Record<string, string>): { lines: string[]; child: ChildProcess } {
  const path = fileURLToPath(new URL(`../src/${program}`, import.meta.url))
  const child = spawn(process.execPath, [path], {
    env: {
      PATH: process.env['PATH'],
      Q_NATS_ADDR: system.natsUrl,
      Q_TOKEN: system.token,
      CORE_DATABASE_URL: system.postgresUrl,
      CORE_NODE_ID: '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  return { lines, child }
}

it('the server emits what the worker handles', async () => {
  const server = run('server.ts', { PORT: '0' })
  const worker = run('worker.ts', { CORE_WORKER_EVENT: 'demo.event' })
  const patience = { timeout: 40_000, interval: 50 }
  await vi.waitFor(() => expect(server.lines[0]).toMatch(/^listening at/), patience)
  await vi.waitFor(() => expect(worker.lines[0]).toMatch(/^node \w+ handles demo\.event$/), patience)
  const url = server.lines[0]?.replace('listening at ', '') ?? ''
  const post = async (body: string): Promise<{ status: number; json: unknown }> => {
    const response = await fetch(`${url}/events`, { method: 'POST', body })
    return { status: response.status, json: await response.json() }
  }
  const posted = await post('{"eventType": "demo.event", "payload": {"a": 1}}')
  expect(posted).toEqual({ status: 200, json: { status: 'queued', messageId: expect.any(String) as string } })
  await vi.waitFor(() => expect(worker.lines[1]).toBe('demo.event {"a":1}'), patience)
  for (const bad of ['{}', '', '{"eventType": 5}', '{"eventType": ""}']) {
    expect(await post(bad)).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('eventType') as string },
    })
  }
  await vi.waitFor(async () => {
    const metrics: unknown = await (await fetch(`${url}/metrics`)).json()
    expect(metrics).toEqual({ queueDepth: 0, deadLetterQueueDepth: 0 })
  }, patience)
  worker.child.kill('SIGTERM')
  expect(await once(worker.child, 'exit')).toEqual([0, null])
}, 90_000)

it('the worker schedules a heartbeat, once, however often it starts', async () => {
  const env = { CORE_WORKER_EVENT: 'beating', CORE_WORKER_SCHEDULE: 'true', CORE_NODE_ID: 'worker-1' }
  const patience = { timeout: 60_000, interval: 50 }
  await using core = await CoreSystem.connect({
    qcore: { servers: system.natsUrl, token: system.token },
    namespace: 'demo',
  })
  for (let start = 0; start < 2; start++) {
    const worker = run('worker.ts', env)
    await vi.waitFor(() => expect(worker.lines[0]).toBe('node worker-1 handles beating'), patience)
    const own = (await core.tasks.list()).filter(({ name }) => name === 'worker-heartbeat-worker-1')
    expect(own).toMatchObject([{ eventType: 'beating.heartbeat', cronExpression: '* * * * *', active: true }])
    await core.tasks.runNow('worker-heartbeat-worker-1')
    await vi.waitFor(() => expect(worker.lines[1]).toBe('beating.heartbeat {"nodeId":"worker-1"}'), patience)
    worker.child.kill('SIGTERM')
    await once(worker.child, 'exit')
  }
}, 180_000)

it('the server is not well while its database takes no connections', async () => {
  await using core = await CoreSystem.connect({
    qcore: { servers: system.natsUrl, token: system.token },
    namespace: 'demo',
    connectionString: system.postgresUrl,
  })
  const database = core.getDatabase()
  await database?.query('create database handlers')
  const url = new URL(system.postgresUrl)
  url.pathname = '/handlers'
  const server = run('server.ts', { PORT: '0', CORE_DATABASE_URL: url.href })
  const patience = { timeout: 40_000, interval: 50 }
  await vi.waitFor(() => expect(server.lines[0]).toMatch(/^listening at/), patience)
  const health = `${server.lines[0]?.replace('listening at ', '')}/health`
  const status = async (): Promise<number> => (await fetch(health)).status
  expect(await status()).toBe(200)
  await database?.query('alter database handlers allow_connections false')
  await database?.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'handlers'`)
  await vi.waitFor(async () => expect(await status()).toBe(500), patience)
  await database?.query('alter database handlers allow_connections true')
  await vi.waitFor(async () => expect(await status()).toBe(200), patience)
}, 90_000)
