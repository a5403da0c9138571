import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startNats, startPostgres } from '../src/index.ts'
import { commandLine, markProcess } from '../src/process-mark.ts'
import { query } from './_query.ts'
import { makeTemporaryFolder } from './_temporary-folder.ts'

/** Without the settings of whoever runs the tests. */
const env = { PATH: process.env.PATH }

test('after a SIGKILL of the parent, the next start ends what was left running and has all data', async () => {
  const dataFolder = await makeTemporaryFolder()
  const parent = await startParent(dataFolder)
  await query(parent.postgres.url, 'create table kept as select 1 as n')
  parent.process.kill('SIGKILL')
  await once(parent.process, 'exit')
  expect(markProcess(parent.postgres.pid)).toBeDefined()
  expect(markProcess(parent.nats.pid)).toBeDefined()

  await using postgres = await startPostgres({ dataFolder: path.join(dataFolder, 'postgres'), durable: false, env })
  await using nats = await startNats({ dataFolder: path.join(dataFolder, 'nats'), env })
  expect(await query(postgres.url, 'select n from kept')).toEqual({ n: 1 })
  expect(markProcess(parent.postgres.pid)).toBeUndefined()
  expect(markProcess(parent.nats.pid)).toBeUndefined()
  expect(nats.pid).not.toBe(parent.nats.pid)
})

test('the temporary folder and the server of a killed process are gone after the next start', async () => {
  const parent = await startParent()
  const folder = /-c (\S+)\/nats.conf/.exec(commandLine(parent.nats.pid))?.[1] ?? 'none'
  expect(existsSync(folder)).toBe(true)
  parent.process.kill('SIGKILL')
  await once(parent.process, 'exit')
  await using nats = await startNats({ env })
  expect(markProcess(parent.nats.pid)).toBeUndefined()
  expect(markProcess(nats.pid ?? 0)).toBeDefined()
  expect(existsSync(folder)).toBe(false)
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'a process that %s ends takes its servers along',
  async (signal) => {
    const parent = await startParent(await makeTemporaryFolder())
    parent.process.kill(signal)
    expect(await once(parent.process, 'exit')).toEqual([null, signal])
    await vi.waitFor(() => {
      expect(markProcess(parent.nats.pid)).toBeUndefined()
      expect(markProcess(parent.postgres.pid)).toBeUndefined()
    }, 5_000)
  },
)

test('a process that exits by itself takes its servers along', async () => {
  const parent = await startParent()
  parent.process.stdin?.write('exit\n')
  expect(await once(parent.process, 'exit')).toEqual([3, null])
  await vi.waitFor(() => expect(markProcess(parent.nats.pid)).toBeUndefined())
})

interface Parent {
  readonly process: ChildProcess
  readonly nats: StartedServer
  readonly postgres: StartedServer
}

interface StartedServer {
  readonly url: string
  readonly pid: number
}

async function startParent(...args: string[]): Promise<Parent> {
  const script = path.join(import.meta.dirname, '_servers-script.ts')
  const parent = spawn(process.execPath, [script, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
  const [nats, postgres] = JSON.parse(line) as [StartedServer, StartedServer]
  return { process: parent, nats, postgres }
}
