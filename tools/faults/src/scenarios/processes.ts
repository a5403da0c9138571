import { setTimeout as delay } from 'node:timers/promises'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { processState } from '../faults/process-state.ts'
import { takeOverMs } from './leader.ts'
import { planOf, type FaultRun, type Scenario } from './scenario.ts'

/** What is not the leader holds no write up, but for those that were on their way through it, and the machine's load. */
const bystanderMs = 3_000
const downMs = 1_000
const pauseMs = 3_000
const signalMs = 50

export const killOthers: Scenario = {
  name: 'kill-others',
  summary: 'kill -9 of every process but the leader, one after the other, in any order',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    for (const node of await shuffledOthers(run)) {
      await run.fault({
        name: `kill -9 of ${node.name}`,
        recovery: { from: 'begin', mostMs: bystanderMs },
        begin: async () => {
          await node.kill()
          return `${node.name} ended: ${await node.ended()}`
        },
        durationMs: downMs,
        heal: async () => {
          await node.restart()
          return undefined
        },
      })
    }
  }),
}

export const pauseOthers: Scenario = {
  name: 'pause-others',
  summary: 'SIGSTOP of every process but the leader, one after the other, in any order, for three seconds each',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    for (const node of await shuffledOthers(run)) {
      await run.fault({
        name: `SIGSTOP of ${node.name}`,
        recovery: { from: 'begin', mostMs: bystanderMs },
        begin: async () => {
          node.signal('SIGSTOP')
          await delay(signalMs)
          return processState(node.pid) === 'T' ? `${node.name} was stopped` : undefined
        },
        durationMs: pauseMs,
        heal: async () => {
          node.signal('SIGCONT')
          return undefined
        },
      })
    }
  }),
}

export const killEverything: Scenario = {
  name: 'kill-everything',
  summary: 'kill -9 of all processes and servers at once, then a cold start',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    const { nodes, postgres, nats, redis } = run.cluster
    const servers = [postgres, nats, redis]
    await run.fault({
      name: 'kill -9 of everything',
      recovery: { from: 'heal', mostMs: takeOverMs },
      begin: async () => {
        for (const server of servers) server.kill('SIGKILL')
        await Promise.all(nodes.map((node) => node.kill()))
        const ends = await Promise.all(servers.map(async (server) => server.ended()))
        return `${nodes.length} processes and ${ends.length} servers ended`
      },
      durationMs: downMs,
      heal: async () => {
        await Promise.all(servers.map(async (server) => server.restart()))
        await Promise.all(nodes.map((node) => node.restart()))
        return undefined
      },
    })
  }),
}

async function shuffledOthers(run: FaultRun): Promise<ClusterNode[]> {
  const leader = await run.cluster.leader(run.signal)
  const others = run.cluster.nodes.filter((node) => node !== leader)
  const shuffled: ClusterNode[] = []
  while (others.length > 0) shuffled.push(...others.splice(run.random.below(others.length), 1))
  return shuffled
}
