import { compare, type Row } from '../measure/comparison.ts'
import { measureBurst } from './burst.ts'
import { emitToHandlerComparison } from './emit-to-handler.ts'
import { emitToStreamComparison } from './emit-to-stream.ts'
import { emitComparisons } from './emits.ts'
import { handledComparison } from './handled.ts'
import { openEventsBench } from './events-context.ts'

/** Measures events: emitting against the writer's own writes, the way to a consumer and to a handler, handling, and a burst as the seed has it. */
export async function benchEvents(
  { quick, only }: { quick: boolean; only: string },
  onRow: (row: Row) => void,
): Promise<Row[]> {
  await using bench = await openEventsBench(quick)
  const rows: Row[] = []
  const report = (row: Row): void => {
    onRow(row)
    rows.push(row)
  }
  for (const comparison of [
    ...emitComparisons(bench),
    emitToStreamComparison(bench),
    emitToHandlerComparison(bench),
    handledComparison(bench),
  ]) {
    if (comparison.name.includes(only)) report(await compare(comparison, bench.rounds))
  }
  if ('burst'.includes(only)) await measureBurst(bench, report)
  return rows
}
