import { median, quantile } from '../measure/closed-loop.ts'
import type { Row } from '../measure/comparison.ts'
import { nowMs, type Contender } from './contender.ts'
import type { ScheduleBench } from './schedule-context.ts'

const leadMs = 4_000
const mostP99Us = 100_000
const fractions = ['p50', 'p99'] as const

/** How late what is due begins, when so many are due every second, evenly: medians of rounds. */
export async function measureLateness(bench: ScheduleBench, onRow: (row: Row) => void): Promise<void> {
  const { own, pgBoss, graphileWorker, quick } = bench
  const seconds = quick ? 1 : 5
  for (const rate of [100, 1_000]) {
    const found = new Map<Contender, Lateness[]>([pgBoss, graphileWorker, own].map((each) => [each, []]))
    for (let round = 0; round < bench.rounds; round++) {
      for (const [contender, rounds] of found) rounds.push(await latenessOf(contender, rate, seconds))
    }
    const timesOf = (contender: Contender, fraction: keyof Lateness): number[] =>
      (found.get(contender) ?? []).map((times) => times[fraction])
    for (const fraction of fractions) {
      const times = timesOf(own, fraction)
      const qcore = median(times)
      for (const peer of [pgBoss, graphileWorker]) {
        const ofPeer = timesOf(peer, fraction)
        const ratios = times.map((time, round) => time / (ofPeer[round] ?? Number.NaN))
        onRow({
          name: `lateness at ${rate.toLocaleString('en-US')} due a second, ${fraction}`,
          unit: 'µs',
          qcore,
          limit: median(ofPeer),
          limitName: peer.name,
          ratio: median(ratios),
          ratioRange: [Math.min(...ratios), Math.max(...ratios)],
          ...(fraction === 'p99'
            ? { target: `≤ ${mostP99Us.toLocaleString('en-US')} µs`, reached: qcore <= mostP99Us }
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
