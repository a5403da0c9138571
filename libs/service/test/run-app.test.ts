import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'

type Child = ChildProcessByStdio<null, Readable, Readable>
const children: Child[] = []

function start(args: string[], env: Record<string, string>): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, '_sample-app.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
  })
  children.push(child)
  return child
}

async function exitOf(child: Child): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return { code, signal }
}

/** Starts a sample, and waits until its health server answers: by then the app is running. */
async function startReady(args: string[] = [], env: Record<string, string> = {}): Promise<Child> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  const child = start(args, { Q_SAMPLE_SECRET: 'x', Q_HEALTH_ADDR: `127.0.0.1:${port}`, ...env })
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200), {
    timeout: 30_000,
  })
  return child
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

describe('runApp', () => {
  it('prints the settings without secrets, and ends', async () => {
    const child = start(['--print-config'], { Q_SAMPLE_SECRET: 'hush', Q_STORE: 'plant' })
    const printed = text(child.stdout)
    expect(await exitOf(child)).toEqual({ code: 0, signal: null })
    expect(await printed).toContain('Q_STORE=plant')
    expect(await printed).toContain('Q_SAMPLE_SECRET=(set)')
    expect(await printed).not.toContain('hush')
  })

  it.each([
    [{}, 'Q_SAMPLE_SECRET is not set: A secret.'],
    [{ Q_SAMPLE_SECRET: 'x', Q_STORE: 'Bad Name' }, 'Q_STORE: "Bad Name" is not a lower-case letter'],
  ])('ends with one line that names a wrong setting: %j', async (env, line) => {
    const child = start([], env)
    const complaint = text(child.stderr)
    expect(await exitOf(child)).toEqual({ code: 1, signal: null })
    expect((await complaint).trimEnd().split('\n')).toEqual([expect.stringContaining(line)])
  })

  it('stops on SIGTERM with code 0', async () => {
    const child = await startReady()
    child.kill('SIGTERM')
    expect(await exitOf(child)).toEqual({ code: 0, signal: null })
  })

  it('ends at once on a second signal', async () => {
    const child = await startReady(['--hang'])
    child.kill('SIGTERM')
    await vi.waitFor(() => expect(child.stdout.read()?.toString() ?? '').toContain('stopping'))
    child.kill('SIGTERM')
    expect((await exitOf(child)).signal).toBe('SIGKILL')
  })

  it('is ended when the stop takes too long', async () => {
    const child = await startReady(['--hang'], { Q_SHUTDOWN_TIMEOUT_MS: '100' })
    child.kill('SIGTERM')
    expect((await exitOf(child)).signal).toBe('SIGKILL')
  })
})
