import { connect } from '@qcore/client'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runExample } from '../src/run-example.ts'

const silent = { show() {}, print() {} }
const flightCount = 3_000
const longTestMs = 90_000

let system: RunningSystem

beforeAll(async () => {
  system = await startSystem({ separate: true })
}, 60_000)

afterAll(() => system[Symbol.asyncDispose]())

/** Runs the example, and something once in the middle of the flights. */
async function runWith(disturb: () => Promise<void>) {
  await using q = await connect({ servers: system.natsUrl, token: system.token, timeoutMs: 60_000 })
  let disturbed: Promise<void> | undefined
  const summary = await runExample(q, {
    progress: silent,
    threshold: 1_000,
    flightCount,
    onFlight: (done) => {
      if (done >= flightCount / 3) disturbed ??= disturb()
    },
  })
  await disturbed
  expect(disturbed).toBeDefined()
  return summary
}

describe('the airports example, with one process per service', () => {
  it('ends with the summary that the data asks for', { timeout: longTestMs }, async () => {
    const { lastRevision, ...summary } = await runWith(async () => {})
    expect(summary).toEqual({
      airports: 3_376,
      flights: flightCount,
      notifications: flightCount,
      departures: flightCount,
      arrivals: flightCount,
      totalDelayMinutes: expect.any(Number),
      problems: [],
    })
    expect(lastRevision).toBeGreaterThan(flightCount)
  })

  it.each(['writer', 'reader', 'notifier', 'auth', 'gateway'])(
    'ends with the same summary when the %s is killed and started again meanwhile',
    { timeout: longTestMs },
    async (name) => {
      const { problems } = await runWith(async () => {
        const service = system.processes.find((process) => process.name === name)
        expect(service).toBeDefined()
        service?.kill('SIGKILL')
        await service?.restart()
      })
      expect(problems).toEqual([])
    },
  )

  it.each(['nats', 'postgres'] as const)(
    'ends with the same summary when %s is killed and started again meanwhile',
    { timeout: longTestMs },
    async (name) => {
      const { problems } = await runWith(async () => {
        system.backing[name].kill('SIGKILL')
        await system.backing[name].restart()
      })
      expect(problems).toEqual([])
    },
  )
})
