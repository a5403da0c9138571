import { quantile } from '../measure/closed-loop.ts'
import type { Comparison, Sample } from '../measure/comparison.ts'
import { startNode } from './event-node.ts'
import { benchNamespace, type EventsBench } from './events-context.ts'
import { measureBareDelivery } from './emit-to-stream.ts'

const type = 'bench.answered'

/** From the call of `emit` until the handler of a node is called. */
export function emitToHandlerComparison(bench: EventsBench): Comparison {
  const count = Math.round(bench.durationMs / 4)
  return {
    name: 'emit to handler, p50',
    unit: 'µs',
    limitName: 'one-row commit p50 + JetStream publish to consumer p50',
    target: { relation: '≤', ratio: 3 },
    limit: async () => ({ value: await measureBareDelivery(bench, count) }),
    qcore: () => measureEmits(bench, count),
  }
}

/** One at a time. */
async function measureEmits(bench: EventsBench, count: number): Promise<Sample> {
  let arrived: () => void = () => undefined
  await using started = await startNode(bench, { group: 'latency', type, handler: () => arrived() })
  const times: number[] = []
  for (let emitted = 0; emitted < count; emitted++) {
    const called = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const emittedAt = performance.now()
    const answered = bench.q.emit(benchNamespace, type, { emitted })
    await called
    times.push((performance.now() - emittedAt) * 1_000)
    await answered
  }
  await started.node.stop()
  return { value: quantile(times, 0.5), p50Us: quantile(times, 0.5), p99Us: quantile(times, 0.99) }
}
