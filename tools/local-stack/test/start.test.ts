import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isRunning, markProcess, type ProcessMark } from '../src/process-mark.ts'
import { workspaceFolder } from '../src/workspace.ts'
import { query } from './_query.ts'
import { makeTemporaryFolder } from './_temporary-folder.ts'

const timeout = 90_000
const readyTimeoutMs = 40_000
const stopTimeoutMs = 20_000

test('a SIGKILL of npm start and a new one lose nothing, and a SIGTERM ends everything', { timeout }, async () => {
  const folder = await makeTemporaryFolder()
  const first = await start(folder)
  await query(postgresUrl(folder), 'create table kept as select 1 as n')
  expect(statSync(path.join(folder, 'client.json')).mode & 0o777).toBe(0o600)
  const orphans = childMarks(folder)
  expect(orphans).toHaveLength(3)
  first.process.kill('SIGKILL')
  await once(first.process, 'exit')
  expect(orphans.every(isRunning)).toBe(true)

  const second = await start(folder)
  expect(orphans.some(isRunning)).toBe(false)
  expect(await query(postgresUrl(folder), 'select n from kept')).toEqual({ n: 1 })
  expect(second.output()).toContain(`gateway   ${readClient(folder).url}`)
  expect(second.output()).toContain(readClient(folder).token)

  const children = childMarks(folder)
  second.process.kill('SIGTERM')
  expect(await once(second.process, 'exit')).toEqual([0, null])
  expect(children.some(isRunning)).toBe(false)
  expect(existsSync(path.join(folder, 'client.json'))).toBe(false)
  expect(existsSync(path.join(folder, 'owner.json'))).toBe(false)
})

test('what crashes under npm start is started again, and a second signal ends at once', { timeout }, async () => {
  const folder = await makeTemporaryFolder()
  const started = await start(folder)
  for (const name of ['qcore', 'postgres', 'nats'] as const) {
    const mark = childMark(folder, name)
    if (mark === undefined) throw new Error(`${name} runs`)
    process.kill(mark.pid, 'SIGKILL')
    await vi.waitFor(() => expect(childMark(folder, name) ?? mark).not.toEqual(mark), readyTimeoutMs)
    expect(started.output()).toContain(`${name} ended (signal SIGKILL); starting it again`)
  }
  await vi.waitFor(async () => expect(await isGatewayReady(folder)).toBe(true), {
    timeout: readyTimeoutMs,
    interval: 100,
  })

  const children = childMarks(folder)
  started.process.kill('SIGINT')
  started.process.kill('SIGTERM')
  await once(started.process, 'exit')
  await vi.waitFor(() => expect(children.some(isRunning)).toBe(false), 5_000)
})

test('a second npm start on the same data is one clear line, and harms nothing', { timeout }, async () => {
  const folder = await makeTemporaryFolder()
  const first = await start(folder)
  const second = spawnStart(folder)
  expect(await once(second.process, 'exit')).toEqual([1, null])
  expect(second.output()).toBe(`qcore: ${folder} is in use by the running process ${first.process.pid}\n`)
  expect(await isGatewayReady(folder)).toBe(true)
  first.process.kill('SIGTERM')
  await once(first.process, 'exit')
})

test('everything ends with the npm that started it', { timeout }, async () => {
  const folder = await makeTemporaryFolder()
  const npm = spawn('npm', ['start'], { cwd: workspaceFolder, env: environment(folder), stdio: 'ignore' })
  onTestFinished(() => void npm.kill('SIGKILL'))
  await vi.waitFor(() => expect(existsSync(path.join(folder, 'client.json'))).toBe(true), readyTimeoutMs)
  const children = childMarks(folder)
  npm.kill('SIGKILL')
  await vi.waitFor(() => expect(existsSync(path.join(folder, 'owner.json'))).toBe(false), stopTimeoutMs)
  expect(children.some(isRunning)).toBe(false)
})

interface Started {
  readonly process: ChildProcess
  /** All that it wrote so far. */
  output(): string
}

function environment(folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, Q_DATA_DIR: folder, Q_WEB_ADDR: '127.0.0.1:0' }
}

function spawnStart(folder: string): Started {
  const main = path.join(import.meta.dirname, '../src/main.ts')
  const child = spawn(process.execPath, [main], { env: environment(folder), stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGTERM'))
  const chunks: string[] = []
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  return { process: child, output: () => chunks.join('') }
}

async function start(folder: string): Promise<Started> {
  const started = spawnStart(folder)
  await vi.waitFor(() => {
    if (started.process.exitCode !== null) throw new Error(started.output())
    expect(started.output()).toContain('Ctrl-C')
  }, readyTimeoutMs)
  return started
}

type ChildName = 'qcore' | 'postgres' | 'nats'

function childMarks(folder: string): ProcessMark[] {
  const marks = (['qcore', 'postgres', 'nats'] as const).map((name) => childMark(folder, name))
  return marks.filter((mark) => mark !== undefined)
}

/** A process of a data folder, if it runs. */
function childMark(folder: string, name: ChildName): ProcessMark | undefined {
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8')
  if (name === 'qcore') return markProcess((JSON.parse(read('processes.json')) as ProcessMark[])[0]?.pid ?? 0)
  const file = path.join(folder, name === 'nats' ? 'nats/nats.pid' : 'postgres/data/postmaster.pid')
  return existsSync(file) ? markProcess(Number.parseInt(readFileSync(file, 'utf8'), 10)) : undefined
}

function postgresUrl(folder: string): string {
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8')
  const port = read('postgres/data/postmaster.pid').split('\n')[3]
  return `postgres://qcore:${read('postgres/password')}@127.0.0.1:${port}/postgres`
}

function readClient(folder: string): { url: string; token: string } {
  return JSON.parse(readFileSync(path.join(folder, 'client.json'), 'utf8')) as { url: string; token: string }
}

async function isGatewayReady(folder: string): Promise<boolean> {
  const response = await fetch(`${readClient(folder).url}/readyz`).catch(() => undefined)
  return response?.status === 200
}
