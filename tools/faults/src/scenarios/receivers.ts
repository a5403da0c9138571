import type { Scenario } from './scenario.ts'
import { planSchedules } from './schedule-plan.ts'

/** Long enough for several occurrences to each receiver. */
const durationMs = 6_000

export const badReceivers: Scenario = {
  name: 'bad-receivers',
  summary:
    'receivers of webhooks that hang, answer late, cut, redirect, fail, are too busy, or drip byte by byte, and a scheduler that is killed meanwhile',
  needs: [],
  inSmoke: false,
  plan: async (preparation) =>
    planSchedules(
      preparation,
      async (run) => {
        const node = run.cluster.node('scheduler-1')
        await run.fault({
          name: `kill -9 of ${node.name} among bad receivers`,
          begin: async () => {
            await node.kill()
            return `${node.name} ended: ${await node.ended()}`
          },
          durationMs,
          heal: async () => {
            await node.restart()
            return undefined
          },
        })
      },
      { hasBadReceivers: true },
    ),
}
