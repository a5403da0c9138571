import type { Comparison, Sample } from '../measure/comparison.ts'
import { nowMs, type Contender } from './contender.ts'
import type { ScheduleBench } from './schedule-context.ts'

/** Nothing is due while it is measured, and all is over soon afterwards. */
const leadMs = 20_000

/** How many schedules, or jobs, of one time are made a second: a hundred a commit, four commits in flight. */
export function creationComparisons({ own, pgBoss, graphileWorker, quick }: ScheduleBench): Comparison[] {
  const count = quick ? 200 : 5_000
  return [pgBoss, graphileWorker].map((peer) => ({
    name: 'schedules made, 100 a commit',
    unit: '1/s',
    limitName: `${peer.name}, jobs`,
    rounds: 1,
    limit: () => measureCreation(peer, count),
    qcore: () => measureCreation(own, count),
  }))
}

async function measureCreation(contender: Contender, count: number): Promise<Sample> {
  const dueMs = Math.ceil(nowMs()) + leadMs
  const times = Array.from({ length: count }, () => dueMs)
  const startedAt = performance.now()
  await contender.add(times, 'nothing')
  const value = count / ((performance.now() - startedAt) / 1_000)
  await contender.results(count)
  return { value }
}
