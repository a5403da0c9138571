import { quantile } from './closed-loop.ts'
import type { Sample } from './comparison.ts'

export interface InTurnOptions {
  /** How many are measured. */
  count: number
  /** Milliseconds before, which are not. */
  warmUpMs: number
}

/**
 * Makes one thing happen after the other.
 *
 * @param once resolves with the microseconds that it took, when the next one may begin
 */
export async function inTurn(once: () => Promise<number>, { count, warmUpMs }: InTurnOptions): Promise<Sample> {
  for (const warmAt = performance.now() + warmUpMs; performance.now() < warmAt;) await once()
  const times: number[] = []
  while (times.length < count) times.push(await once())
  return { value: quantile(times, 0.5), p50Us: quantile(times, 0.5), p99Us: quantile(times, 0.99) }
}
