import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect } from '@qcore/client'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

const longTestMs = 90_000
/** The most that a run of the example takes. */
const programMs = 40_000
const expected = `direct field:
receiver: start_operation
receiver: start_operation
receiver: stop_operation
request and response:
client: 6 * 7 = 42
client: a / 0 = an error (not a number)
publish and subscribe:
greeter: ada
greeter: grace
auditor: ada
auditor: grace
cleaner: ada
one leader:
the first leader counts
the second leader goes on counting
the first one leads no more
`

let system: RunningSystem

beforeAll(async () => {
  system = await startSystem()
}, 60_000)

afterAll(() => system[Symbol.asyncDispose]())

function run(program: string, env: Record<string, string> = {}) {
  const path = fileURLToPath(new URL(`../src/${program}`, import.meta.url))
  const child = spawn(process.execPath, [path], {
    env: { PATH: process.env['PATH'], Q_NATS_ADDR: system.natsUrl, Q_TOKEN: system.token, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return {
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

async function outputOf(env: Record<string, string>): Promise<string> {
  await using program = run('main.ts', env)
  let output = ''
  program.child.stdout.setEncoding('utf8').on('data', (part: string) => void (output += part))
  await Promise.race([once(program.child, 'close'), delay(programMs, undefined, { ref: false })])
  return output
}

describe('the workers example', () => {
  it('says what it is to say, also when it is run again', { timeout: longTestMs }, async () => {
    expect(await outputOf({})).toBe(expected)
    expect(await outputOf({})).toBe(expected)
  })

  it('says the same with leaders elected in PostgreSQL', { timeout: longTestMs }, async () => {
    expect(await outputOf({ Q_LEADER_STORE_ADDR: system.postgresUrl })).toBe(expected)
  })
})

describe('the application of the example', () => {
  it('counts until it is told to stop, and ends in order', { timeout: longTestMs }, async () => {
    await using q = await connect({ servers: system.natsUrl, token: system.token })
    // Runs of the example have left the application at another level.
    for await (const { id } of q.find('Service', { where: { ApplicationName: 'myapp' } })) {
      await q.write(id, 'LogLevel', 'info')
    }
    await using program = run('my-app-main.ts')
    const { child } = program
    const messages: string[] = []
    createInterface({ input: child.stdout }).on('line', (line) => {
      messages.push((JSON.parse(line) as { msg: string }).msg)
    })
    await vi.waitFor(() => expect(messages).toContain('counting'), { timeout: 30_000, interval: 20 })
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([0, null])
    expect(messages).toContain('not counting any more')
    expect(messages.at(-1)).toBe('stopped')
  })
})
