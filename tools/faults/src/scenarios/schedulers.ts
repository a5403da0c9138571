import { setTimeout as delay } from 'node:timers/promises'
import { schedulerLeaseMs, schedulerNames } from '../cluster/cluster.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { processState } from '../faults/process-state.ts'
import { until } from '../faults/until.ts'
import { openWallClocks, type WallClocks } from '../faults/wall-clock.ts'
import type { ScheduleLoad } from '../load/schedule-load.ts'
import type { FaultRun, Scenario } from './scenario.ts'
import { planSchedules, schedulerCount } from './schedule-plan.ts'
import { killing } from './servers.ts'

/** Longer than the time between occurrences. */
const downMs = 2_000
/** Longer than a lease: others go on with what the scheduler had. */
const pauseMs = schedulerLeaseMs + 1_000
const signalMs = 50
const noticeMs = 8_000
const hourSeconds = 3_600

export const killSchedulers: Scenario = {
  name: 'kill-schedulers',
  summary:
    'kill -9 of schedulers in the middle of what they do, three times one, then all at once, while schedules fire every second',
  needs: [],
  inSmoke: false,
  plan: async (preparation) =>
    planSchedules(preparation, async (run, schedules) => {
      const nodes = run.cluster.nodesOf('scheduler')
      for (const count of [1, 1, 1, nodes.length]) {
        let killed: readonly ClusterNode[] = []
        await run.fault({
          name: `kill -9 of ${count} of ${nodes.length} schedulers`,
          begin: async () => {
            const busy = await schedules.busiest()
            killed = nodes.filter(({ name }) => count > 1 || name === busy?.scheduler)
            await Promise.all(killed.map((node) => node.kill()))
            return proofOf(killed, busy)
          },
          durationMs: downMs,
          heal: async () => {
            await Promise.all(killed.map((node) => node.restart()))
            return undefined
          },
        })
      }
    }),
}

export const pauseSchedulers: Scenario = {
  name: 'pause-schedulers',
  summary:
    'SIGSTOP of a scheduler in the middle of what it does, then of the two others, for longer than their lease, while schedules fire every second',
  needs: [],
  inSmoke: false,
  plan: async (preparation) =>
    planSchedules(preparation, async (run, schedules) => {
      const nodes = run.cluster.nodesOf('scheduler')
      let first: ClusterNode | undefined
      for (const isFirst of [true, false]) {
        let stopped: readonly ClusterNode[] = []
        await run.fault({
          name: `SIGSTOP of ${isFirst ? 'a scheduler' : 'the others'}`,
          begin: async () => {
            const busy = await schedules.busiest()
            first ??= nodes.find(({ name }) => name === busy?.scheduler)
            stopped = nodes.filter((node) => (node === first) === isFirst)
            for (const node of stopped) node.signal('SIGSTOP')
            await delay(signalMs)
            return stopped.every(({ pid }) => processState(pid) === 'T') ? proofOf(stopped, busy) : undefined
          },
          durationMs: pauseMs,
          heal: async () => {
            for (const node of stopped) node.signal('SIGCONT')
            return undefined
          },
        })
      }
    }),
}

/** What shows that schedulers were hit while they were at work. */
function proofOf(hit: readonly ClusterNode[], busy: Awaited<ReturnType<ScheduleLoad['busiest']>>): string | undefined {
  if (busy === undefined || hit.length === 0) return undefined
  return `${hit.map(({ name }) => name).join(', ')}; ${busy.scheduler} had ${busy.count} attempts under way`
}

export const loseServersOfSchedules: Scenario = {
  name: 'schedules-without-servers',
  summary:
    'kill -9 of PostgreSQL and then of NATS, then the answers of PostgreSQL lost to a scheduler, while schedules fire every second',
  needs: [],
  inSmoke: false,
  plan: async (preparation) =>
    planSchedules(preparation, async (run) => {
      const { postgres, nats } = run.cluster
      await run.fault(killing(postgres, 'PostgreSQL'))
      await run.fault(killing(nats, 'NATS'))
      const node = run.cluster.node('scheduler-1')
      await run.fault({
        name: `answers of PostgreSQL to ${node.name} lost`,
        begin: async () => {
          node.postgres.hold('answers')
          return 'its way back was held'
        },
        durationMs: pauseMs,
        heal: async () => {
          node.postgres.cut()
          node.postgres.restore()
          return undefined
        },
      })
    }),
}

export const moveSchedulerClocks: Scenario = {
  name: 'move-scheduler-clocks',
  summary:
    "one scheduler's wall clock moved an hour ahead and another's an hour back, while schedules fire every second",
  needs: ['compiler'],
  inSmoke: false,
  plan: async (preparation) => {
    const clocks = await openWallClocks(preparation.dataFolder, schedulerNames(schedulerCount))
    const plan = planSchedules(preparation, async (run, schedules) => {
      await run.fault({
        name: 'clocks of schedulers moved by 1 h and -1 h',
        begin: async () => {
          const moved = await Promise.all([moveClock(run, clocks, 1), moveClock(run, clocks, -1)])
          return moved.every((each) => each) ? 'their clocks were 1 h off' : undefined
        },
        durationMs: 2 * downMs,
        heal: async () => {
          const before = await schedules.completed()
          await run.wait(downMs)
          run.expect((await schedules.completed()) > before, 'schedules fire while clocks are wrong')
          for (const name of schedulerNames(schedulerCount)) await clocks.move(name, 0)
          return undefined
        },
      })
    })
    return { ...plan, cluster: { ...plan.cluster, place: (name) => clocks.place(name) } }
  },
}

/** Moves the clock of one scheduler; the third keeps its own. Returns whether it shows. */
async function moveClock({ cluster }: FaultRun, clocks: WallClocks, hours: 1 | -1): Promise<boolean> {
  const node = cluster.node(hours === 1 ? 'scheduler-1' : 'scheduler-2')
  await clocks.move(node.name, hours * hourSeconds)
  const moved = await until(async () => {
    const offsetMs = (await node.clockOffsetMs()) ?? 0
    return Math.round(offsetMs / 1_000 / hourSeconds) === hours || undefined
  }, noticeMs)
  return moved === true
}
