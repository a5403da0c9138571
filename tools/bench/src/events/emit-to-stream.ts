import type { Comparison, Sample } from '../measure/comparison.ts'
import { inTurn, type InTurnOptions } from '../measure/in-turn.ts'
import { measureJetStreamDelivery } from '../raw/raw-nats.ts'
import { benchNamespace, type EventsBench } from './events-context.ts'
import { openStreamReader } from './stream-reader.ts'

/** Bytes of the message of an event, headers included. */
const messageBytes = 450

/** From the call of `emit` until a consumer of the stream has the event. */
export function emitToStreamComparison(bench: EventsBench): Comparison {
  const count = Math.round(bench.durationMs / 4)
  return {
    name: 'emit to a consumer of the stream, p50',
    unit: 'µs',
    limitName: 'one-row commit p50 + JetStream publish to consumer p50',
    target: { relation: '≤', ratio: 3 },
    limit: async () => ({ value: await measureBareDelivery(bench, count) }),
    qcore: () => measureEmits(bench, { count, warmUpMs: bench.warmUpMs }),
  }
}

/** What emitting is measured against: a commit of one row, and a message through a stream, one at a time; microseconds. */
export async function measureBareDelivery(
  { durationMs, warmUpMs, postgres, system }: EventsBench,
  count: number,
): Promise<number> {
  const committed = await postgres.measureCommits(1, { concurrency: 1, durationMs, warmUpMs })
  return committed.p50Us + (await measureJetStreamDelivery(system.natsUrl, { bytes: messageBytes, count }))
}

async function measureEmits({ q, system }: EventsBench, options: InTurnOptions): Promise<Sample> {
  await using reader = await openStreamReader(system.natsUrl)
  let emitted = 0
  const once = async (): Promise<number> => {
    const arrived = new Promise<void>((resolve) => {
      reader.onEvent = () => resolve()
    })
    const emittedAt = performance.now()
    const answered = q.emit(benchNamespace, 'bench.watched', { emitted: ++emitted })
    await arrived
    const tookUs = (performance.now() - emittedAt) * 1_000
    await answered
    return tookUs
  }
  return await inTurn(once, options)
}
