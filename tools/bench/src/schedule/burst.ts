import { readFileSync } from 'node:fs'
import { quantile } from '../measure/closed-loop.ts'
import type { Row } from '../measure/comparison.ts'
import { nowMs, type Contender } from './contender.ts'
import type { ScheduleBench } from './schedule-context.ts'

const leadMs = 8_000
const mostMs = 20_000
const sampleMs = 50

/** Many that are due in the same second: how long until all have fired, and what memory the scheduler takes meanwhile. */
export async function measureBurst(bench: ScheduleBench, onRow: (row: Row) => void): Promise<void> {
  const count = bench.quick ? 500 : 10_000
  const { own, pgBoss, graphileWorker } = bench
  const name = `${count.toLocaleString('en-US')} due in the same second`
  for (const peer of [pgBoss, graphileWorker]) await burst(peer, count).then((ms) => limits.set(peer.name, ms))
  const { pid = 0 } = bench.system.processes.find((each) => each.name === 'scheduler') ?? {}
  const before = residentMebibytes(pid)
  let most = before
  const sampling = setInterval(() => (most = Math.max(most, residentMebibytes(pid))), sampleMs)
  const ms = await burst(own, count).finally(() => clearInterval(sampling))
  for (const [limitName, limit] of limits) {
    const target = { target: `≤ ${mostMs.toLocaleString('en-US')} ms`, reached: ms <= mostMs }
    onRow({
      name: `${name}, until all have fired`,
      unit: 'ms',
      qcore: ms,
      limit,
      limitName,
      ratio: ms / limit,
      ...target,
    })
  }
  onRow({ name: `${name}, memory of the scheduler before`, unit: 'MiB', qcore: before, limitName: '', target: '' })
  onRow({ name: `${name}, memory of the scheduler at most`, unit: 'MiB', qcore: most, limitName: '', target: '' })
}

const limits = new Map<string, number>()

/** Milliseconds from the first that is due to the last that is done. */
async function burst(contender: Contender, count: number): Promise<number> {
  const firstMs = Math.ceil(nowMs() / 1_000) * 1_000 + leadMs
  await contender.add(
    Array.from({ length: count }, (_, index) => firstMs + Math.floor((index * 1_000) / count)),
    'webhook',
  )
  const runs = await contender.results(count)
  return (
    quantile(
      runs.map(({ endedMs }) => endedMs),
      1,
    ) - firstMs
  )
}

function residentMebibytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024
}
