import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../measure/closed-loop.ts'
import type { Row } from '../measure/comparison.ts'
import { benchNamespace, type EventsBench } from './events-context.ts'
import { openStreamReader } from './stream-reader.ts'

/** Each event may take so long on average, and the burst at least so long, before the bench fails. */
const mostMsPerEvent = 10
const leastTimeoutMs = 60_000

/** What became of a burst. */
interface Burst {
  readonly produceMs: number
  /** From the first emit to the last event that the consumer has. */
  readonly endToEndMs: number
  /** From the first to the last event that the consumer has. */
  readonly consumeMs: number
  /** Microseconds of each, from the call of `emit` to the answer, and to the consumer. */
  readonly emitUs: readonly number[]
  readonly arrivalUs: readonly number[]
}

/** `BENCH_TOTAL` events with `BENCH_CONCURRENCY` in flight, and a consumer of the stream that gets them all. */
export async function measureBurst(bench: EventsBench, onRow: (row: Row) => void): Promise<void> {
  const { total, concurrency } = bench.burst
  const { produceMs, endToEndMs, consumeMs, emitUs, arrivalUs } = await runBurst(bench)
  const name = `burst of ${total} events, ${concurrency} in flight`
  const row = (what: string, unit: string, qcore: number): void =>
    onRow({ name: `${name}: ${what}`, unit, qcore, limitName: '', target: '' })
  row('emitted', '1/s', total / (produceMs / 1_000))
  row('emitted and received', '1/s', total / (endToEndMs / 1_000))
  row('produce', 'ms', produceMs)
  row('end to end', 'ms', endToEndMs)
  row('consume', 'ms', consumeMs)
  for (const [what, times] of [
    ['emit', emitUs],
    ['emit to consumer', arrivalUs],
  ] as const) {
    for (const fraction of [0.5, 0.95, 0.99]) row(`${what}, p${fraction * 100}`, 'µs', quantile(times, fraction))
  }
}

async function runBurst({ q, system, burst: { total, concurrency } }: EventsBench): Promise<Burst> {
  await using reader = await openStreamReader(system.natsUrl)
  const emittedAt = new Map<string, number>()
  const arrivedAt = new Map<string, number>()
  const received = Promise.withResolvers<void>()
  const settle = (): void => {
    if (emittedAt.size === total && [...emittedAt.keys()].every((id) => arrivedAt.has(id))) received.resolve()
  }
  reader.onEvent = (id) => {
    if (!arrivedAt.has(id)) arrivedAt.set(id, performance.now())
    if (arrivedAt.size >= total) settle()
  }
  const emitUs: number[] = []
  let next = 0
  const producer = async (): Promise<void> => {
    while (next < total) {
      const index = next++
      const startedAt = performance.now()
      const { id } = await q.emit(benchNamespace, 'benchmark.event', { index, producedAt: Date.now() })
      emittedAt.set(id, startedAt)
      emitUs.push((performance.now() - startedAt) * 1_000)
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: concurrency }, producer))
  const produceMs = performance.now() - startedAt
  settle()
  await within(received.promise, Math.max(leastTimeoutMs, total * mostMsPerEvent))
  const own = [...emittedAt].map(([id, sentAt]) => ({ sentAt, at: arrivedAt.get(id) ?? Number.NaN }))
  const last = own.reduce((most, { at }) => Math.max(most, at), 0)
  const first = own.reduce((least, { at }) => Math.min(least, at), Infinity)
  const arrivalUs = own.map(({ sentAt, at }) => (at - sentAt) * 1_000)
  return { produceMs, endToEndMs: last - startedAt, consumeMs: last - first, emitUs, arrivalUs }
}

async function within(promise: Promise<void>, timeoutMs: number): Promise<void> {
  const over = new AbortController()
  try {
    await Promise.race([
      promise,
      delay(timeoutMs, undefined, { signal: over.signal }).then(() => {
        throw new Error(`not all events of the burst arrived within ${timeoutMs} ms`)
      }),
    ])
  } finally {
    over.abort()
  }
}
