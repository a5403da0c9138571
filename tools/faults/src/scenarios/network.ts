import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { leaseMs } from '../cluster/cluster.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { until } from '../faults/until.ts'
import { attemptMs } from '../load/kv-client.ts'
import { expectStandby, silentTakeOverMs } from './leader.ts'
import { planOf, type FaultRun, type Scenario } from './scenario.ts'

/** Connections that break are made again in this time. */
const reconnectMs = 3_000
/** A leader without NATS notices after two pings, and gives its lease up after half of what it lasts. */
const natsTakeOverMs = 3_000 + leaseMs / 2 + 1_000 + attemptMs
/** A node notices in this time that a server is silent: a statement, or two pings, went unanswered. */
const noticeMs = 8_000

export const cutLeaderFromPostgres: Scenario = {
  name: 'cut-leader-postgres',
  summary: 'the leading writer cut from PostgreSQL, silently, for two leases',
  needs: [],
  inSmoke: true,
  plan: planOf(async (run) => {
    const leader = await run.cluster.leader(run.signal)
    await run.fault({
      name: `${leader.name} cut from PostgreSQL`,
      recovery: { from: 'begin', mostMs: silentTakeOverMs },
      begin: async () => {
        leader.postgres.hold()
        return losesLease(leader)
      },
      durationMs: leaseMs,
      heal: async () => {
        leader.postgres.restore()
        return undefined
      },
    })
    await expectStandby(run, leader)
  }),
}

export const cutLeaderFromNats: Scenario = {
  name: 'cut-leader-nats',
  summary: 'the leading writer cut from NATS, silently, for two leases',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    const leader = await run.cluster.leader(run.signal)
    await run.fault({
      name: `${leader.name} cut from NATS`,
      recovery: { from: 'begin', mostMs: natsTakeOverMs },
      begin: async () => {
        leader.nats.hold()
        return losesNats(leader)
      },
      durationMs: leaseMs * 2,
      heal: async () => {
        leader.nats.restore()
        return undefined
      },
    })
  }),
}

export const loseAnswers: Scenario = {
  name: 'lose-answers',
  summary:
    "answers lost one way: PostgreSQL's to the leader, for a moment and for longer than its lease; the leader's to its callers",
  needs: [],
  inSmoke: true,
  plan: planOf(async (run) => {
    await loseForAMoment(run)
    await run.wait(reconnectMs)
    const second = await run.cluster.leader(run.signal)
    await run.fault({
      name: `answers of PostgreSQL to ${second.name} lost until its lease ran out`,
      recovery: { from: 'begin', mostMs: silentTakeOverMs },
      begin: async () => {
        second.postgres.hold('answers')
        return losesLease(second)
      },
      durationMs: leaseMs / 2,
      heal: async () => {
        second.postgres.cut()
        second.postgres.restore()
        return undefined
      },
    })
    await expectStandby(run, second)
    const third = await run.cluster.leader(run.signal)
    await run.fault({
      name: `answers of ${third.name} to its callers lost`,
      recovery: { from: 'heal', mostMs: reconnectMs },
      begin: async () => {
        third.nats.hold('requests')
        return losesNats(third)
      },
      durationMs: 0,
      heal: async () => {
        third.nats.cut()
        third.nats.restore()
        return undefined
      },
    })
  }),
}

/** PostgreSQL makes a commit, and the leader does not hear of it. */
async function loseForAMoment(run: FaultRun): Promise<void> {
  const { postgres, name } = await run.cluster.leader(run.signal)
  const findDoubts = async (): Promise<number> =>
    (await readFile(run.cluster.logFile, 'utf8')).split('a reply of PostgreSQL was lost').length - 1
  const before = await findDoubts()
  await run.fault({
    name: `answers of PostgreSQL to ${name} lost for a moment`,
    recovery: { from: 'heal', mostMs: reconnectMs },
    begin: async () => {
      postgres.hold('answers')
      return undefined
    },
    durationMs: 500,
    heal: async () => {
      postgres.cut()
      postgres.restore()
      const hasDoubts = async (): Promise<true | undefined> => ((await findDoubts()) > before ? true : undefined)
      return (await until(hasDoubts, noticeMs)) === true ? `${name} had to find out what was committed` : undefined
    },
  })
}

const resetEveryMs = 100
const resetRounds = 50

export const resetConnections: Scenario = {
  name: 'reset-connections',
  summary: 'all connections to PostgreSQL and NATS reset, ten times a second, for five seconds',
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    await run.fault({
      name: 'connections reset',
      recovery: { from: 'heal', mostMs: reconnectMs },
      begin: async () => {
        let reset = 0
        for (let round = 0; round < resetRounds; round += 1) {
          for (const { postgres, nats } of run.cluster.nodes) {
            reset += postgres.connections + nats.connections
            for (const way of [postgres, nats]) {
              way.cut()
              way.restore()
            }
          }
          await delay(resetEveryMs, undefined, { signal: run.signal })
        }
        return reset === 0 ? undefined : `${reset} connections were reset`
      },
      durationMs: 0,
      heal: async () => undefined,
    })
  }),
}

/** Waits until a writer knows that it does not lead any more. Gives what shows it. */
export async function losesLease(writer: ClusterNode): Promise<string | undefined> {
  const state = await until(async () => {
    const lease = await writer.health('lease')
    return lease === 'leading' || lease === '' ? undefined : lease
  }, noticeMs)
  return state === undefined ? undefined : `${writer.name} was ${state}`
}

/** Waits until a node says that it has no NATS. Gives what shows it. */
async function losesNats(node: ClusterNode): Promise<string | undefined> {
  const before = await node.health('nats')
  const after = await until(async () => {
    const detail = await node.health('nats')
    return detail === before ? undefined : detail
  }, noticeMs)
  return after === undefined ? undefined : `${node.name} said of NATS: ${after}`
}
