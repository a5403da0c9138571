import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/** How far a look for old occurrences has come. */
export interface RetirePosition {
  readonly nominalUs: number
  readonly id: string
}

/** What a look at some occurrences came to. */
export interface RetireResult {
  readonly deleted: number
  /** Where to go on; undefined: there are no more. */
  readonly next: RetirePosition | undefined
}

/**
 * Looks at some occurrences of long ago, in the order of their times, and deletes those that have been over for long, with
 * their attempts; the newest of each schedule stays, and so do dead letters. What somebody else has locked is passed over, so
 * that nobody waits.
 */
export async function retireOccurrences(
  executor: Executor,
  { retentionMs, limit, after }: { retentionMs: number; limit: number; after: RetirePosition },
): Promise<RetireResult> {
  const { rows } = await executor.query<{ deleted: number; seen: number; nominalUs: number | null; id: string | null }>(
    {
      name: 'retire_occurrences',
      text: `
      with past as materialized (select ${nowUs} - $1 as us),
      seen as (
        select id, nominal_us from occurrence
        where nominal_us < (select us from past) and (nominal_us, id) > ($3, $4::text collate "C")
        order by nominal_us, id limit $2),
      old as (
        select occurrence.id from occurrence join seen on seen.id = occurrence.id
        where occurrence.state >= 4 and occurrence.ended_us < (select us from past)
          and not exists (select from dead_letter where dead_letter.occurrence_id = occurrence.id)
          and exists (
            select from occurrence as later
            where later.schedule_id = occurrence.schedule_id and later.nominal_us > occurrence.nominal_us and later.state >= 4)
        for update of occurrence skip locked),
      deleted as (
        delete from occurrence using old where occurrence.id = old.id returning 1),
      last as (
        select nominal_us, id from seen order by nominal_us desc, id desc limit 1)
      select (select count(*) from deleted)::int as deleted, (select count(*) from seen)::int as seen,
        (select nominal_us from last) as "nominalUs", (select id from last) as id`,
      values: [retentionMs * 1_000, limit, after.nominalUs, after.id],
    },
  )
  const { deleted = 0, seen = 0, nominalUs = null, id = null } = rows[0] ?? {}
  const isOver = seen < limit || nominalUs === null || id === null
  return { deleted, next: isOver ? undefined : { nominalUs, id } }
}
