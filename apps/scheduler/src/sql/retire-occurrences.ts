import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/**
 * Deletes occurrences that have been over for long, with their attempts; the newest of each schedule stays, and so do dead
 * letters. What another
 * scheduler is deleting is passed over. Returns how many.
 */
export async function retireOccurrences(
  executor: Executor,
  { retentionMs, limit }: { retentionMs: number; limit: number },
): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'retire_occurrences',
    text: `
      with old as (
        select id from occurrence
        where state >= 4 and ended_us < (select ${nowUs}) - $1
          and not exists (select from dead_letter where dead_letter.occurrence_id = occurrence.id)
          and exists (
            select from occurrence as later
            where later.schedule_id = occurrence.schedule_id and later.nominal_us > occurrence.nominal_us and later.state >= 4)
        order by ended_us limit $2
        for update skip locked)
      delete from occurrence using old where occurrence.id = old.id`,
    values: [retentionMs * 1_000, limit],
  })
  return rowCount ?? 0
}
