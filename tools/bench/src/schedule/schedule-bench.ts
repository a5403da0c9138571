import { compare, type Row } from '../measure/comparison.ts'
import { restPostgres } from '../raw/rest-postgres.ts'
import { measureBurst } from './burst.ts'
import { creationComparisons } from './creation.ts'
import { dispatchComparisons } from './dispatch.ts'
import { measureFuture } from './future.ts'
import { measureLateness } from './lateness.ts'
import { openScheduleBench } from './schedule-context.ts'

/** Measures schedules against job queues on the same PostgreSQL, in the same run. */
export async function benchSchedule(
  { quick, only }: { quick: boolean; only: string },
  onRow: (row: Row) => void,
): Promise<Row[]> {
  await using bench = await openScheduleBench(quick)
  const rows: Row[] = []
  const report = (row: Row): void => {
    onRow(row)
    rows.push(row)
  }
  for (const comparison of [...dispatchComparisons(bench), ...creationComparisons(bench)]) {
    if (!comparison.name.includes(only)) continue
    await restPostgres(bench.postgres)
    report(await compare(comparison, comparison.rounds ?? bench.rounds))
  }
  const measurements = { lateness: measureLateness, 'due in the same second': measureBurst, future: measureFuture }
  for (const [name, measure] of Object.entries(measurements)) {
    if (!name.includes(only)) continue
    await restPostgres(bench.postgres)
    await measure(bench, report)
  }
  return rows
}
