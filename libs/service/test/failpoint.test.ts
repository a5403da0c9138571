import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { enableFailpoints, failpoint } from '../src/failpoint.ts'

let folder: string
let file: string
let child: ChildProcess | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qcore-failpoint-'))
  file = join(folder, 'place')
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

/** Starts a process that passes two places at each line of its input. */
async function start(env: Record<string, string>): Promise<{ pass: () => void; passed: Promise<string> }> {
  const started = spawn(process.execPath, [join(import.meta.dirname, '_failing-app.ts')], { env })
  child = started
  const [first] = (await once(started.stdout, 'data')) as [Buffer]
  expect(first.toString()).toBe('ready\n')
  return { pass: () => void started.stdin.write('\n'), passed: text(started.stdout) }
}

it('ends the process at the place that was armed, and not before', async () => {
  const { pass, passed } = await start({ Q_FAILPOINTS: file })
  pass()
  await once(child?.stdout ?? process.stdin, 'data')
  await writeFile(file, 'sample.second\n')
  child?.kill('SIGUSR2')
  await once(child?.stderr ?? process.stdin, 'data')
  pass()
  expect(await once(child ?? process, 'exit')).toEqual([null, 'SIGKILL'])
  expect(await passed).toBe('first\nsecond\nfirst\n')
  expect(await readFile(`${file}.fired`, 'utf8')).toBe('sample.second')
})

it('does nothing unless it was enabled', () => {
  enableFailpoints({})
  expect(process.listenerCount('SIGUSR2')).toBe(0)
  expect(() => failpoint('sample.first')).not.toThrow()
})

it('is refused in production', () => {
  expect(() => enableFailpoints({ Q_FAILPOINTS: file, NODE_ENV: 'production' })).toThrowError(
    expect.objectContaining({ code: 'configuration', field: 'Q_FAILPOINTS' }),
  )
})
