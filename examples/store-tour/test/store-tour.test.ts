import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { afterAll, beforeAll, expect, it } from 'vitest'

const expected = readFileSync(path.join(import.meta.dirname, 'expected.txt'), 'utf8')

let system: RunningSystem

beforeAll(async () => {
  system = await startSystem()
}, 60_000)

afterAll(() => system[Symbol.asyncDispose]())

it('shows what it says, also when it was run before', { timeout: 60_000 }, async () => {
  const runner = path.join(import.meta.dirname, '../../run.ts')
  const env = { ...process.env, Q_NATS_ADDR: system.natsUrl, Q_TOKEN: system.token, Q_STORE: 'main' }
  for (let run = 1; run <= 2; run += 1) {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [runner, 'store-tour'], { env })
    expect({ stdout, stderr }).toEqual({ stdout: expected, stderr: '' })
  }
})
