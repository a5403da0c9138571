import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import { EventWork } from '../events/event-work.ts'
import { workerAckMs } from '../events/worker-settings.ts'
import { processState } from '../faults/process-state.ts'
import { storeName } from '../cluster/cluster.ts'
import { planOf, type FaultRun, type Scenario } from './scenario.ts'

const downMs = 1_000
/** Longer than the time for an answer. */
const pauseMs = 2 * workerAckMs
const signalMs = 50
const afterMs = 1_000
/** One of so many deliveries is made to come again at once. */
const repeatEvery = 5
const phaseMs = 1_500
const phases = 3
/** One of so many events is poison, in the phases that have any. */
const poisonEvery = 5
/** What is faster than this is as fast as it has to be: a machine with two cores is not steadier. */
const steadyMs = 100

/** A scenario in which events are handled all the time; their effects are checked at its end. */
function eventScenario(name: string, summary: string, breakAndHeal: (run: FaultRun, work: EventWork) => Promise<void>) {
  return {
    name,
    summary,
    needs: [],
    inSmoke: false,
    plan: planOf(async (run) => {
      await using work = await EventWork.start(run)
      work.begin()
      await run.wait(afterMs)
      await breakAndHeal(run, work)
      await run.wait(afterMs)
      await work.finish()
    }),
  } satisfies Scenario
}

export const killEventNodes: Scenario = eventScenario(
  'kill-event-nodes',
  'kill -9 and SIGSTOP of the nodes that handle events, for longer than they have for an answer',
  async (run, { workers }) => {
    for (const worker of workers) {
      const isKilled = worker !== workers[1]
      await run.fault({
        name: `${isKilled ? 'kill -9' : 'SIGSTOP'} of ${worker.name}`,
        begin: async () => (isKilled ? worker.kill() : pause(worker)),
        durationMs: isKilled ? downMs : pauseMs,
        heal: async () => {
          if (isKilled) await worker.start()
          else worker.signal('SIGCONT')
          return undefined
        },
      })
    }
  },
)

export const killEventNotifiers: Scenario = eventScenario(
  'kill-event-notifiers',
  'kill -9 and SIGSTOP of the notifiers that give events out',
  async (run) => {
    const [first, second] = run.cluster.nodesOf('notifier')
    if (first === undefined || second === undefined) throw new Error('the cluster has two notifiers')
    await run.fault({
      name: `kill -9 of ${first.name}`,
      begin: async () => {
        await first.kill()
        return `${first.name} ended: ${await first.ended()}`
      },
      durationMs: downMs,
      heal: async () => {
        await first.restart()
        return undefined
      },
    })
    await run.fault({
      name: `SIGSTOP of ${second.name}`,
      begin: async () => pause(second),
      durationMs: pauseMs,
      heal: async () => {
        second.signal('SIGCONT')
        return undefined
      },
    })
  },
)

export const deleteNatsUnderEvents: Scenario = eventScenario(
  'delete-nats-under-events',
  'kill -9 of NATS and its data directory deleted, while nodes handle events; twice',
  async (run) => {
    const { nats } = run.cluster
    const streams = path.join(run.dataFolder, 'nats', 'jetstream')
    for (const time of ['first', 'second']) {
      await run.fault({
        name: `NATS killed, its data deleted, the ${time} time`,
        begin: async () => {
          const hadStreams = existsSync(streams)
          nats.kill('SIGKILL')
          const end = await nats.ended()
          await rm(streams, { recursive: true, force: true })
          return hadStreams && !existsSync(streams) ? `NATS ended: ${end}; its streams were deleted` : undefined
        },
        durationMs: downMs,
        heal: async () => {
          await nats.restart()
          return undefined
        },
      })
      await run.wait(pauseMs)
    }
  },
)

export const repeatEvents: Scenario = eventScenario(
  'repeat-events',
  'deliveries made to come again while they are handled, and the answers of a node held back for longer than it has for them',
  async (run, work) => {
    await using repeater = await repeatDeliveries(run)
    await run.fault({
      name: 'deliveries that come twice, answers that come late',
      begin: async () => {
        work.way.hold('requests')
        return undefined
      },
      durationMs: 2 * pauseMs,
      heal: async () => {
        work.way.restore()
        return repeater.again === 0 ? undefined : `${repeater.again} deliveries came again`
      },
    })
  },
)

export const poisonEvents: Scenario = {
  name: 'poison-events',
  summary: 'a fifth of the events poison: the others are handled in less than twice the time (p99), or as fast as ever',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    await using work = await EventWork.start(run)
    const calm: Span[] = []
    const poisoned: Span[] = []
    await work.emitFor(phaseMs, 0)
    await run.fault({
      name: 'poison among the events',
      begin: async () => {
        for (let phase = 0; phase < phases; phase++) {
          calm.push(await spanOf(() => work.emitFor(phaseMs, 0)))
          poisoned.push(await spanOf(() => work.emitFor(phaseMs, poisonEvery)))
        }
        return `poison in ${phases} of ${2 * phases} phases`
      },
      durationMs: 0,
      heal: async () => undefined,
    })
    await work.finish()
    const [usual, beside] = [p99(await work.latencies('any', calm)), p99(await work.latencies('any', poisoned))]
    run.expect(
      beside < Math.max(2 * usual, steadyMs),
      `events beside poison are handled within ${Math.round(2 * usual)} ms (p99), not ${Math.round(beside)} ms`,
    )
  }),
}

/** Refuses every so many deliveries on behalf of whoever has it, so that it comes again at once; counts those that do. */
async function repeatDeliveries({ cluster }: FaultRun): Promise<AsyncDisposable & { readonly again: number }> {
  const url = new URL(cluster.nats.url)
  const connection = await connect({ servers: url.host, ...(url.username === '' ? {} : { token: url.username }) })
  let [seen, again] = [0, 0]
  connection.subscribe('_INBOX.>', {
    callback: (error, { reply = '' }) => {
      if (error !== null || !reply.startsWith(`$JS.ACK.Q_${storeName}_EVENTS.`)) return
      if (Number(reply.split('.')[4]) > 1) again += 1
      else if (seen++ % repeatEvery === 0) connection.publish(reply, '-NAK')
    },
  })
  await connection.flush()
  return {
    get again() {
      return again
    },
    [Symbol.asyncDispose]: () => connection.close(),
  }
}

interface Span {
  readonly from: Date
  readonly to: Date
}

async function spanOf(work: () => Promise<void>): Promise<Span> {
  const from = new Date()
  await work()
  return { from, to: new Date() }
}

function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
}

async function pause(process: { readonly pid: number; readonly name: string; signal(name: 'SIGSTOP'): void }) {
  process.signal('SIGSTOP')
  await delay(signalMs)
  return processState(process.pid) === 'T' ? `${process.name} was stopped` : undefined
}
