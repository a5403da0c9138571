import { leaseMs } from '../cluster/cluster.ts'
import { until } from '../faults/until.ts'
import { openWallClocks, type WallClocks } from '../faults/wall-clock.ts'
import type { FaultRun, Scenario } from './scenario.ts'

const writers = ['writer-1', 'writer-2']
const noticeMs = 8_000
const hourSeconds = 3_600

export const moveClock: Scenario = {
  name: 'move-clock',
  summary: "the leading writer's wall clock moved an hour ahead, then an hour back",
  needs: ['compiler'],
  inSmoke: false,
  plan: async ({ dataFolder }) => {
    const clocks = await openWallClocks(dataFolder, writers)
    const cluster = { place: (name: string) => clocks.place(name) }
    return { cluster, breakAndHeal: async (run) => moveClocks(run, clocks) }
  },
}

async function moveClocks(run: FaultRun, clocks: WallClocks): Promise<void> {
  const leader = await run.cluster.leader(run.signal)
  for (const hours of [1, -1]) {
    await run.fault({
      name: `the clock of ${leader.name} moved by ${hours} h`,
      recovery: { from: 'begin', mostMs: 2_000 },
      begin: async () => {
        await clocks.move(leader.name, hours * hourSeconds)
        return until(async () => {
          const offsetMs = (await leader.clockOffsetMs()) ?? 0
          return Math.round(offsetMs / 1_000 / hourSeconds) === hours ? `its clock was ${hours} h off` : undefined
        }, noticeMs)
      },
      durationMs: leaseMs,
      heal: async () => {
        await clocks.move(leader.name, 0)
        return undefined
      },
    })
  }
  const { name } = await run.cluster.leader(run.signal)
  run.expect(name === leader.name, 'a clock that moves changes no leader')
}
