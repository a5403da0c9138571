import { quantile } from '../measure/closed-loop.ts'
import type { Row } from '../measure/comparison.ts'
import { nowMs, type Contender } from './contender.ts'
import type { ScheduleBench } from './schedule-context.ts'

const leadMs = 6_000
const mostP99Us = 100_000

/** How late what is due begins, when so many are due every second, evenly. */
export async function measureLateness(bench: ScheduleBench, onRow: (row: Row) => void): Promise<void> {
  const { own, pgBoss, graphileWorker, quick } = bench
  const seconds = quick ? 1 : 8
  for (const rate of [100, 1_000]) {
    const ofPeers: { name: string; times: Lateness }[] = []
    for (const peer of [pgBoss, graphileWorker]) {
      ofPeers.push({ name: peer.name, times: await latenessOf(peer, rate, seconds) })
    }
    const times = await latenessOf(own, rate, seconds)
    for (const fraction of ['p50', 'p99'] as const) {
      for (const peer of ofPeers) {
        onRow({
          name: `lateness at ${rate.toLocaleString('en-US')} due a second, ${fraction}`,
          unit: 'µs',
          qcore: times[fraction],
          limit: peer.times[fraction],
          limitName: peer.name,
          ratio: times[fraction] / peer.times[fraction],
          ratioRange: [times[fraction] / peer.times[fraction], times[fraction] / peer.times[fraction]],
          ...(fraction === 'p99'
            ? { target: `≤ ${mostP99Us.toLocaleString('en-US')} µs`, reached: times.p99 <= mostP99Us }
            : { target: '' }),
        })
      }
    }
  }
}

/** Microseconds. */
export interface Lateness {
  readonly p50: number
  readonly p99: number
}

/** How late a contender begins with what is due so often, for so many seconds. */
export async function latenessOf(contender: Contender, rate: number, seconds: number): Promise<Lateness> {
  const firstMs = Math.ceil(nowMs()) + leadMs
  const count = rate * seconds
  await contender.add(
    Array.from({ length: count }, (_, index) => firstMs + Math.floor((index * 1_000) / rate)),
    'nothing',
  )
  if (nowMs() > firstMs) throw new Error(`${contender.name} was not ready when the first was due`)
  const late = (await contender.results(count)).map(({ dueMs, startedMs }) => (startedMs - dueMs) * 1_000)
  return { p50: quantile(late, 0.5), p99: quantile(late, 0.99) }
}
