import type { Comparison, Sample } from '../measure/comparison.ts'
import { nowMs, perSecond, type Action, type Contender } from './contender.ts'
import type { ScheduleBench } from './schedule-context.ts'

/** All are made before they are due. */
const leadMsPerJob = 0.5
const leastLeadMs = 1_500
/** How fast the peers are differs much from round to round. */
const fullRounds = 7

/** How many of those that are due at one moment are dispatched a second. */
export function dispatchComparisons({ own, pgBoss, graphileWorker, quick }: ScheduleBench): Comparison[] {
  const count = quick ? 200 : 10_000
  const actions: Record<Action, string> = {
    nothing: 'no-op (a message that nobody gets)',
    webhook: 'local HTTP receiver',
  }
  const row = (action: Action, peer: Contender, ratio: number): Comparison => ({
    name: `due at once, dispatched to a ${actions[action]}`,
    unit: '1/s',
    limitName: peer.name,
    target: { relation: '≥', ratio },
    rounds: quick ? 1 : fullRounds,
    limit: () => measureDispatch(peer, count, action),
    qcore: () => measureDispatch(own, count, action),
  })
  return [
    row('webhook', pgBoss, 1.5),
    row('webhook', graphileWorker, 0.5),
    row('nothing', pgBoss, 1.5),
    row('nothing', graphileWorker, 0.5),
  ]
}

async function measureDispatch(contender: Contender, count: number, action: Action): Promise<Sample> {
  const dueMs = Math.ceil(nowMs() + Math.max(leastLeadMs, count * leadMsPerJob))
  await contender.add(
    Array.from({ length: count }, () => dueMs),
    action,
  )
  if (nowMs() > dueMs) throw new Error(`${contender.name} was not ready when all were due`)
  return { value: perSecond(await contender.results(count)) }
}
