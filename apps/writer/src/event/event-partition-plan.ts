import type { EventPartition } from '@qcore/database'

const hourUs = 3_600_000_000
/** Hours of the longest partition. */
const mostHours = 24
/** About how many partitions the retention has. */
const partitionsKept = 16

/**
 * The partition to make after `last`: of whole hours, a sixteenth of the retention, at most a day. If nothing was emitted for
 * so long that it would be over already, it begins with the present hour.
 */
export function nextEventPartition(
  last: EventPartition | undefined,
  { nowUs, retentionMs }: { nowUs: number; retentionMs: number },
): EventPartition {
  const hours = Math.min(mostHours, Math.max(1, Math.floor((retentionMs * 1_000) / hourUs / partitionsKept)))
  const lengthUs = hours * hourUs
  const hourOfNowUs = Math.floor(nowUs / hourUs) * hourUs
  const fromUs = last === undefined || last.toUs + lengthUs <= nowUs ? hourOfNowUs : last.toUs
  return { fromUs, toUs: fromUs + lengthUs }
}
