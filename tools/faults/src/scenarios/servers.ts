import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BackingServer } from '@qcore/local-stack'
import { childrenOf, processState } from '../faults/process-state.ts'
import { planOf, type Fault, type Scenario } from './scenario.ts'

const downMs = 2_000
/** A server that is back is used again in this time. */
export const afterServerMs = 5_000
const pauseMs = 6_000
const signalMs = 50

export const killPostgres: Scenario = {
  name: 'kill-postgres',
  summary: 'kill -9 of PostgreSQL, then a start with its recovery',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    await run.fault(killing(run.cluster.postgres, 'PostgreSQL'))
  }),
}

export const pausePostgres: Scenario = {
  name: 'pause-postgres',
  summary: 'SIGSTOP of all of PostgreSQL for longer than the lease',
  needs: [],
  inSmoke: false,
  plan: planOf(async ({ cluster: { postgres }, fault }) => {
    const pid = postgres.pid ?? 0
    let stopped: number[] = []
    await fault({
      name: 'SIGSTOP of PostgreSQL',
      recovery: { from: 'heal', mostMs: afterServerMs },
      begin: async () => {
        // The first stops making others, so that none is missed.
        process.kill(pid, 'SIGSTOP')
        stopped = [pid, ...childrenOf(pid)]
        for (const each of stopped) process.kill(each, 'SIGSTOP')
        return processState(pid) === 'T' ? `${stopped.length} processes were stopped` : undefined
      },
      durationMs: pauseMs,
      heal: async () => {
        for (const each of stopped.toReversed()) process.kill(each, 'SIGCONT')
        return undefined
      },
    })
  }),
}

export const killNats: Scenario = {
  name: 'kill-nats',
  summary: 'kill -9 of NATS, then a start',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    await run.fault(killing(run.cluster.nats, 'NATS'))
  }),
}

export const pauseNats: Scenario = {
  name: 'pause-nats',
  summary: 'SIGSTOP of NATS for longer than the lease',
  needs: [],
  inSmoke: false,
  plan: planOf(async ({ cluster: { nats }, fault }) => {
    await fault({
      name: 'SIGSTOP of NATS',
      recovery: { from: 'heal', mostMs: afterServerMs },
      begin: async () => {
        nats.kill('SIGSTOP')
        await delay(signalMs)
        return processState(nats.pid ?? 0) === 'T' ? 'NATS was stopped' : undefined
      },
      durationMs: pauseMs,
      heal: async () => {
        nats.kill('SIGCONT')
        return undefined
      },
    })
  }),
}

export const deleteNats: Scenario = {
  name: 'delete-nats',
  summary: 'kill -9 of NATS, its data directory deleted, then a start',
  needs: [],
  inSmoke: true,
  plan: planOf(async (run) => {
    const { nats } = run.cluster
    const streams = path.join(run.dataFolder, 'nats', 'jetstream')
    const kill = killing(nats, 'NATS')
    await run.fault({
      ...kill,
      name: 'NATS killed, its data deleted',
      begin: async () => {
        const hadStreams = existsSync(streams)
        const end = await kill.begin()
        await rm(streams, { recursive: true, force: true })
        return hadStreams && !existsSync(streams) ? `${end}; its streams were deleted` : undefined
      },
    })
  }),
}

export const killRedis: Scenario = {
  name: 'kill-redis',
  summary: 'kill -9 of Redis, then a start: nothing of the store depends on it, and leases of applications go on',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    await run.fault({ ...killing(run.cluster.redis, 'Redis'), recovery: { from: 'begin', mostMs: downMs } })
    const before = run.load.leases.length
    await run.wait(afterServerMs)
    run.expect(run.load.leases.length > before, 'applications get leases again after Redis came back')
  }),
}

/** Kills a server, and starts it again. */
export function killing(server: BackingServer, title: string): Fault {
  return {
    name: `kill -9 of ${title}`,
    recovery: { from: 'heal', mostMs: afterServerMs },
    begin: async () => {
      server.kill('SIGKILL')
      return `${title} ended: ${await server.ended()}`
    },
    durationMs: downMs,
    heal: async () => {
      await server.restart()
      return undefined
    },
  }
}
