import { connect } from '@qcore/client'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runExample } from '../src/run-example.ts'

let system: RunningSystem

beforeAll(async () => {
  system = await startSystem()
}, 60_000)

afterAll(() => system[Symbol.asyncDispose]())

it('ends with what the expressions of the tanks say', async () => {
  await using q = await connect({ servers: system.natsUrl, token: system.token })
  await expect(runExample(q)).resolves.toEqual({
    level: 2.4,
    status: 'HIGH',
    readings: 2n,
    alarm: 'Water is nearly full',
    refusal: expect.stringContaining('line 1, column 11: there is no variable sensor'),
  })
})
