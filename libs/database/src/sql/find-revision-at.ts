import type { Executor } from '../pool.ts'

/** Which revision was the newest at a time. */
export interface RevisionAt {
  /** The newest revision of the log committed at or before the time; below the oldest one if there is none. */
  revision: number
  /** The newest revision committed. */
  newestRevision: number
  /** The oldest revision in the log. */
  oldestRevision: number
  /** PostgreSQL's clock, or the time of the newest commit if the writer's idea of that clock is ahead; in microseconds. */
  nowUs: number
}

/**
 * Looks for the newest revision committed at or before a time, by bisection: the times of commits ascend.
 *
 * @param timeUs microseconds since 1970
 */
export async function findRevisionAt(executor: Executor, timeUs: number): Promise<RevisionAt> {
  const { rows } = await executor.query<RevisionAt>({
    name: 'find_revision_at',
    text: `
      with recursive search (low, high) as (
        -- What is up to low was committed by then, what is from high on was not.
        select oldest_revision - 1, revision + 1 from head
        union all
        select case when commit.is_before then span.middle else span.low end,
          case when commit.is_before then span.high else span.middle end
        from (select low, high, (low + high) / 2 as middle from search where high - low > 1) span
        cross join lateral (
          select committed_us <= $1 as is_before from log where log.revision = span.middle
        ) commit
      )
      select search.low as revision, head.revision as "newestRevision", head.oldest_revision as "oldestRevision",
        greatest(
          (extract(epoch from clock_timestamp()) * 1000000)::bigint,
          (select committed_us from log where log.revision = head.revision)
        ) as "nowUs"
      from head join search on search.high - search.low = 1`,
    values: [timeUs],
  })
  const [found] = rows
  if (found === undefined) throw new Error('the log has a hole')
  return found
}
