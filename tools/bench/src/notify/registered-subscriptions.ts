import { setTimeout as delay } from 'node:timers/promises'
import { int } from '@qcore/client'
import { quantile, median } from '../measure/closed-loop.ts'
import type { Row } from '../measure/comparison.ts'
import { fieldNames } from '../store/dataset.ts'
import { settledBytes, type NotifyBench } from './notify-context.ts'

/** How much longer a write may take to reach its one subscriber when there are a hundred times as many. */
const mostGrowth = 1.5
const mostBytesEach = 2_048

/**
 * From a write to the callback of the one subscription that it matches, while 1, 1,000 and 100,000 are registered; and what
 * they take in the notifier.
 */
export async function measureRegistered(bench: NotifyBench, onRow: (row: Row) => void): Promise<void> {
  const { q, ids, quick } = bench
  const [entity = ''] = ids
  let called = (): void => {}
  await q.register({ service: 'bench', targets: [{ entity, fields: ['Value'], trigger: 'write' }] }, () => called())
  const measure = async (): Promise<number[]> => {
    const times: number[] = []
    for (let write = 0; write < (quick ? 50 : 1_000); write++) {
      const arrived = new Promise<void>((resolve) => (called = resolve))
      const writtenAt = performance.now()
      const written = q.write(entity, 'Value', int(write))
      await arrived
      times.push((performance.now() - writtenAt) * 1_000)
      await written
    }
    return times
  }
  await measure()
  const before = await settledBytes(bench, 'notifier')
  const [few, many] = quick ? [100, 1_000] : [1_000, 100_000]
  const medians: number[] = []
  let registered = 1
  for (const count of [1, few, many]) {
    registered = await registerIdle(bench, registered, count)
    const rounds = [] as number[][]
    for (let round = 0; round < bench.rounds; round++) rounds.push(await measure())
    const p50Us = median(rounds.map((times) => quantile(times, 0.5)))
    medians.push(p50Us)
    onRow({
      name: `write to callback, ${count.toLocaleString('en-US')} subscriptions registered, one matches`,
      unit: 'µs',
      qcore: p50Us,
      limitName: '',
      target: '',
      p50Us,
      p99Us: median(rounds.map((times) => quantile(times, 0.99))),
    })
  }
  const [, atFew = Number.NaN, atMany = Number.NaN] = medians
  onRow(growthRow(atFew, atMany, { few, many }))
  const bytesEach = ((await settledBytes(bench, 'notifier')) - before) / registered
  onRow({
    name: 'memory of the notifier for each of them',
    unit: 'bytes',
    qcore: bytesEach,
    limitName: '',
    target: `≤ ${mostBytesEach}`,
    reached: bytesEach <= mostBytesEach,
  })
}

function growthRow(limit: number, qcore: number, { few, many }: { few: number; many: number }): Row {
  const ratio = qcore / limit
  return {
    name: `write to callback, ${many.toLocaleString('en-US')} subscriptions against ${few.toLocaleString('en-US')}`,
    unit: 'µs',
    qcore,
    limit,
    limitName: `the same at ${few.toLocaleString('en-US')}`,
    ratio,
    ratioRange: [ratio, ratio],
    target: `≤ ${mostGrowth}`,
    reached: ratio <= mostGrowth,
  }
}

/** Registers subscriptions that nothing matches until there are so many. Gives how many there are. */
async function registerIdle({ q, ids }: NotifyBench, from: number, to: number): Promise<number> {
  const entities = ids.slice(1)
  let registered = from
  for (const field of fieldNames) {
    const some = entities.slice(0, Math.max(0, to - registered))
    // A registration of its own for each field: a hundred thousand subscriptions are ten of them.
    if (some.length === 0) break
    await q.register(
      { service: 'bench', targets: some.map((entity) => ({ entity, fields: [field] })) },
      () => undefined,
      { timeoutMs: 60_000 },
    )
    registered += some.length
  }
  // The notifier opens them within its look for changes.
  if (registered > from) await delay(3_000)
  return registered
}
