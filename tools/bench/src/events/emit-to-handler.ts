import type { Comparison, Sample } from '../measure/comparison.ts'
import { inTurn, type InTurnOptions } from '../measure/in-turn.ts'
import { makeGroup, startNode } from './event-node.ts'
import { benchNamespace, type EventsBench } from './events-context.ts'
import { measureBareDelivery } from './emit-to-stream.ts'

const type = 'bench.answered'
const group = 'latency'

/** From the call of `emit` until the handler of a node is called. */
export function emitToHandlerComparison(bench: EventsBench): Comparison {
  const count = Math.round(bench.durationMs / 4)
  let made: Promise<void> | undefined
  return {
    name: 'emit to handler, p50',
    unit: 'µs',
    limitName: 'one-row commit p50 + JetStream publish to consumer p50',
    target: { relation: '≤', ratio: 3 },
    limit: async () => ({ value: await measureBareDelivery(bench, count) }),
    qcore: async () => {
      await (made ??= makeGroup(bench, { group, type }))
      return measureEmits(bench, { count, warmUpMs: bench.warmUpMs })
    },
  }
}

async function measureEmits(bench: EventsBench, options: InTurnOptions): Promise<Sample> {
  let arrived: () => void = () => undefined
  await using started = await startNode(bench, { group, type, handler: () => arrived() })
  let emitted = 0
  const once = async (): Promise<number> => {
    const called = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const emittedAt = performance.now()
    const answered = bench.q.emit(benchNamespace, type, { emitted: ++emitted })
    await called
    const tookUs = (performance.now() - emittedAt) * 1_000
    await answered
    return tookUs
  }
  const sample = await inTurn(once, options)
  await started.node.stop()
  return sample
}
