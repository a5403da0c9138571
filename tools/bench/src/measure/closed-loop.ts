/** What a closed loop measured. */
export interface LoopResult {
  /** Calls a second. */
  perSecond: number
  /** Microseconds. */
  p50Us: number
  /** Microseconds. */
  p99Us: number
}

export interface LoopOptions {
  /** Calls in flight. */
  concurrency: number
  /** Milliseconds that are measured. */
  durationMs: number
  /** Milliseconds before, which are not. */
  warmUpMs: number
}

/** Keeps a number of calls in flight for a while: each caller sends its next call when its last one is answered. */
export async function closedLoop(call: () => Promise<unknown>, options: LoopOptions): Promise<LoopResult> {
  await loop(call, options.concurrency, options.warmUpMs)
  const startedAt = performance.now()
  const latencies = await loop(call, options.concurrency, options.durationMs)
  const seconds = (performance.now() - startedAt) / 1_000
  return { perSecond: latencies.length / seconds, p50Us: quantile(latencies, 0.5), p99Us: quantile(latencies, 0.99) }
}

async function loop(call: () => Promise<unknown>, concurrency: number, durationMs: number): Promise<number[]> {
  const latencies: number[] = []
  const endAt = performance.now() + durationMs
  const caller = async (): Promise<void> => {
    for (let sentAt = performance.now(); sentAt < endAt; sentAt = performance.now()) {
      await call()
      latencies.push((performance.now() - sentAt) * 1_000)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  return latencies
}

/** A quantile of numbers, by nearest rank; NaN of none. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN
}

/** The middle of numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
