import type { ScheduleVersionChange } from '@qcore/contracts'
import type { Executor } from '@qcore/database'

/** What a schedule was, as it is stored. */
export interface ScheduleVersionRow {
  revision: number
  step: number
  change: ScheduleVersionChange
  state: number
  definition: Buffer
  ruleSpec: string
  disabledReason: string
  writer: string
  changedUs: number
}

/** What a schedule was, the newest first. */
export async function listScheduleVersions(
  executor: Executor,
  { scheduleId, before, limit }: { scheduleId: string; before: { revision: number; step: number }; limit: number },
): Promise<ScheduleVersionRow[]> {
  const { rows } = await executor.query<ScheduleVersionRow>({
    name: 'list_schedule_versions',
    text: `
      select revision, step, change, state, definition, rule_spec as "ruleSpec", disabled_reason as "disabledReason", writer,
        changed_us as "changedUs"
      from schedule_version where schedule_id = $1 and (revision, step) < ($2, $3)
      order by revision desc, step desc limit $4`,
    values: [scheduleId, before.revision, before.step, limit],
  })
  return rows
}
