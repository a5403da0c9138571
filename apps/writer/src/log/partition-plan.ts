import type { LogPartition } from '@qcore/database'

/** Revisions of the first partition, of the smallest, and of the largest. */
const firstRevisions = 65_536
const leastRevisions = 16_384
const mostRevisions = 16_777_216

/** A partition should last about an hour: retention drops whole ones, and there should not be too many. */
const shortMs = 30 * 60_000
const longMs = 2 * 60 * 60_000

/**
 * The partition to make after `previous`: twice as large if that one was filled quickly, half as large if slowly.
 *
 * @param filledMs how long the commits of `previous` took; undefined if it is not full yet
 */
export function nextPartition(previous: LogPartition | undefined, filledMs: number | undefined): LogPartition {
  if (previous === undefined) return { from: 0, to: firstRevisions }
  const size = previous.to - previous.from
  const factor = filledMs === undefined ? 1 : filledMs < shortMs ? 2 : filledMs > longMs ? 0.5 : 1
  const next = Math.min(mostRevisions, Math.max(leastRevisions, size * factor))
  return { from: previous.to, to: previous.to + next }
}
