import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { until } from '../faults/until.ts'
import { takeOverMs } from './leader.ts'
import type { FaultRun, Scenario } from './scenario.ts'

/** The steps of the write path at which a writer can be made to end. */
const places = [
  'writer.before_commit',
  'writer.after_commit',
  'writer.before_reply',
  'writer.before_publish',
  'writer.after_publish',
]
const firesWithinMs = 5_000

export const failpoints: Scenario = {
  name: 'failpoints',
  summary:
    'the leading writer ends at each step of the write path: before and after the commit, the reply, the publication',
  needs: [],
  inSmoke: true,
  plan: async ({ dataFolder }) => {
    const file = path.join(dataFolder, 'failpoint')
    const cluster = { writerEnv: { Q_FAILPOINTS: file } }
    return {
      cluster,
      breakAndHeal: async (run) => {
        for (const place of places) await failAt(run, place, file)
      },
    }
  },
}

async function failAt(run: FaultRun, place: string, file: string): Promise<void> {
  const fired = `${file}.fired`
  const leader = await run.cluster.leader(run.signal)
  await run.fault({
    name: place,
    recovery: { from: 'begin', mostMs: takeOverMs },
    begin: async () => {
      await rm(fired, { force: true })
      await writeFile(file, place)
      leader.expectEnd()
      leader.signal('SIGUSR2')
      const isThere = await until(() => (existsSync(fired) ? true : undefined), firesWithinMs)
      if (isThere !== true || readFileSync(fired, 'utf8') !== place) return undefined
      return `${leader.name} ended at ${place}: ${await leader.ended()}`
    },
    durationMs: 0,
    heal: async () => {
      await run.nextAcknowledgement()
      await leader.restart()
      return undefined
    },
  })
}
