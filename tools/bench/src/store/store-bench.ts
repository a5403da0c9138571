import { compare, type Row } from '../measure/comparison.ts'
import { openBench, type BenchOptions } from './bench-context.ts'
import { findComparisons } from './finds.ts'
import { gatewayComparisons } from './gateway.ts'
import { historyComparisons } from './history.ts'
import { notificationComparisons } from './notifications.ts'
import { queryComparisons } from './queries.ts'
import { readComparisons } from './reads.ts'
import { measureReaderMemory } from './reader-memory.ts'
import { snapshotComparisons } from './snapshots.ts'
import { writeComparisons } from './writes.ts'

/** Measures the store: every row of docs/performance.md. */
export async function benchStore(options: BenchOptions, onRow: (row: Row) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack()
  const bench = parts.use(await openBench(options))
  const comparisons = [
    ...(await readComparisons(bench, parts)),
    ...(await writeComparisons(bench, parts)),
    ...notificationComparisons(bench),
    ...(await gatewayComparisons(bench, parts)),
    ...findComparisons(bench),
    ...queryComparisons(bench),
    ...historyComparisons(bench),
    ...(await snapshotComparisons(bench, parts)),
  ]
  const rows: Row[] = []
  for (const comparison of comparisons.filter(({ name }) => name.includes(options.only))) {
    await bench.postgres.rest()
    const row = await compare(comparison, comparison.rounds ?? bench.rounds)
    onRow(row)
    rows.push(row)
  }
  if (options.only === '') {
    const memory = await measureReaderMemory(bench)
    onRow(memory)
    rows.push(memory)
  }
  return rows
}
