import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/**
 * Deletes versions of schedules that are bound to fields, of which every write to a field may make one: those that were
 * replaced long ago and that no occurrence names. Returns how many.
 */
export async function retireVersions(
  executor: Executor,
  { retentionMs, limit }: { retentionMs: number; limit: number },
): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'retire_versions',
    text: `
      with replaced as materialized (
        select version.schedule_id, version.revision, version.step
        from schedule, lateral (
          select oldest.*, lead(oldest.changed_us) over (order by oldest.revision, oldest.step) as replaced_us
          from (
            select schedule_id, revision, step, changed_us from schedule_version where schedule_id = schedule.id
            order by revision, step limit $2) as oldest) as version
        where schedule.is_bound and version.replaced_us < (select ${nowUs}) - $1),
      named as materialized (
        select distinct schedule_id, schedule_revision as revision from occurrence
        where schedule_id in (select schedule_id from replaced)),
      old as (
        select replaced.* from replaced
        where not exists (
          select from named where named.schedule_id = replaced.schedule_id and named.revision = replaced.revision)
        limit $2)
      delete from schedule_version using old
      where schedule_version.schedule_id = old.schedule_id and schedule_version.revision = old.revision
        and schedule_version.step = old.step`,
    values: [retentionMs * 1_000, limit],
  })
  return rowCount ?? 0
}
