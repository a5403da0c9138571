import { setTimeout as delay } from 'node:timers/promises'
import { leaseMs, type Cluster } from '../cluster/cluster.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { attemptMs } from '../load/kv-client.ts'
import { processState } from '../faults/process-state.ts'
import { planOf, type FaultRun, type Scenario } from './scenario.ts'

/** After a kill, writes go on within the lease and a second. */
export const takeOverMs = leaseMs + 1_000
/** A stop hands over. */
const handOverMs = 1_000
/** Whoever is silent, instead of gone, lets each client wait for one answer in vain. */
export const silentTakeOverMs = takeOverMs + attemptMs
const standDownMs = 3_000
const pollMs = 50

export const killLeader: Scenario = {
  name: 'kill-leader',
  summary: 'kill -9 of the leading writer, twice',
  needs: [],
  inSmoke: true,
  plan: planOf(async (run) => {
    for (let round = 0; round < 2; round += 1) {
      const leader = await run.cluster.leader(run.signal)
      await run.fault({
        name: `kill -9 of the leader ${leader.name}`,
        recovery: { from: 'begin', mostMs: takeOverMs },
        begin: async () => {
          await leader.kill()
          return `${leader.name} ended: ${await leader.ended()}`
        },
        durationMs: 0,
        heal: async () => {
          await run.nextAcknowledgement()
          await leader.restart()
          return undefined
        },
      })
      await run.wait(500 + run.random.below(1_500))
    }
  }),
}

export const stopLeader: Scenario = {
  name: 'stop-leader',
  summary: 'graceful stop (SIGTERM) of the leading writer, twice',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    for (let round = 0; round < 2; round += 1) {
      const leader = await run.cluster.leader(run.signal)
      await run.fault({
        name: `SIGTERM to the leader ${leader.name}`,
        recovery: { from: 'begin', mostMs: handOverMs },
        begin: async () => {
          leader.signal('SIGTERM')
          const reason = await leader.ended()
          run.expect(reason === 'exit code 0', `a stopped writer ends well, not by ${reason}`)
          return `${leader.name} ended: ${reason}`
        },
        durationMs: 2_000,
        heal: async () => {
          await leader.restart()
          return undefined
        },
      })
    }
  }),
}

export const pauseLeader: Scenario = {
  name: 'pause-leader',
  summary: 'SIGSTOP of the leading writer for twice its lease, then SIGCONT',
  needs: [],
  inSmoke: true,
  plan: planOf(async (run) => {
    const leader = await run.cluster.leader(run.signal)
    await run.fault({
      name: `SIGSTOP of the leader ${leader.name}`,
      recovery: { from: 'begin', mostMs: silentTakeOverMs },
      begin: async () => {
        leader.signal('SIGSTOP')
        await delay(pollMs)
        return processState(leader.pid) === 'T' ? `${leader.name} was stopped` : undefined
      },
      durationMs: leaseMs * 2,
      heal: async () => {
        leader.signal('SIGCONT')
        return undefined
      },
    })
    await expectStandby(run, leader)
  }),
}

/** A writer that comes back finds another one leading, and stands by. */
export async function expectStandby(run: FaultRun, writer: ClusterNode): Promise<void> {
  const state = await standbyState(run.cluster, writer)
  run.expect(state === '', `${writer.name} stands by after it came back (${state})`)
}

async function standbyState(cluster: Cluster, writer: ClusterNode): Promise<string> {
  const deadline = performance.now() + standDownMs
  for (;;) {
    const state = await writer.health('lease')
    const { name } = await cluster.leader(AbortSignal.timeout(standDownMs))
    if (state === 'standby' && name !== writer.name) return ''
    if (performance.now() > deadline) return `its state is ${state || 'unknown'}, ${name} holds the lease`
    await delay(pollMs)
  }
}
