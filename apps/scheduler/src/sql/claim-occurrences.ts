import type { Executor } from '@qcore/database'
import { onTimeMs } from '../dispatch/late-decision.ts'
import { nowUs } from './clock.ts'
import type { OccurrenceRow } from './occurrence-row.ts'

/** What carrying out an occurrence needs of it. */
type CarriedColumns = Pick<
  OccurrenceRow,
  'id' | 'scheduleId' | 'nominalUs' | 'dueUs' | 'cause' | 'reason' | 'attempts' | 'tries' | 'run' | 'error'
>

/** An occurrence that this scheduler has for the time of a lease, with its schedule. */
export interface ClaimedRow extends CarriedColumns {
  /** Its state before: a running one has lost its scheduler. */
  wasState: number
  /** Whether its first attempt has begun with the claim, at `claimUs`. */
  hasBegun: boolean
  wasUs: number
  claimUs: number
  scheduleState: number
  disabledReason: string
  /** Since when its occurrences fail; null: they do not. */
  failingUs: number | null
  revision: number
  /** When the schedule got another rule than it had when the occurrence was planned; null: it did not. 0: long ago. */
  ruleChangedUs: number | null
  definition: Buffer
  ruleSpec: string
  secret: Buffer | null
  /** What it was before, while requests are signed with that too, the newest first; null: nothing. */
  formerSecrets: Buffer[] | null
}

/** The first attempt of an occurrence of the rule that is in time, if nothing else is to be looked at. */
const begins = `
  due.state < 3 and occurrence.cause = 1 and occurrence.attempts = 0 and occurrence.reason = ''
  and occurrence.due_us >= present.us - $4 and schedule.begins_freely and schedule.state = 1
  and schedule.disabled_reason = '' and occurrence.schedule_revision >= schedule.plan_revision
  and occurrence.schedule_revision <= schedule.revision`

/**
 * Claims what is due, or has lost its scheduler, in the order in which it became so. What another scheduler is claiming is
 * passed over. Occurrences that need no decision and no room at a target begin with that.
 *
 * @param claim tells this claim from every other one
 */
export async function claimOccurrences(
  executor: Executor,
  { claim, scheduler, leaseMs, limit }: { claim: string; scheduler: string; leaseMs: number; limit: number },
): Promise<ClaimedRow[]> {
  const { rows } = await executor.query<ClaimedRow>({
    name: 'claim_occurrences',
    text: `
      with present as materialized (select ${nowUs} as us),
      due as (
        select ctid as place, wake_us, state from occurrence
        where ended_us is null and wake_us <= (select us from present)
          and (claim is null or lease_us <= (select us from present))
        order by wake_us limit $1
        for update skip locked)
      update occurrence set claim = $2, lease_us = present.us + $3,
        state = case when ${begins} then 3 else greatest(due.state, 2) end,
        attempts = case when ${begins} then 1 else attempts end,
        tries = case when ${begins} then tries + 1 else tries end,
        started_us = case when ${begins} then present.us else started_us end,
        attempt_us = case when ${begins} then present.us else attempt_us end,
        attempt_scheduler = case when ${begins} then $5 else attempt_scheduler end
      from due, present, schedule
      where occurrence.ctid = due.place and schedule.id = occurrence.schedule_id
      returning occurrence.id, schedule_id as "scheduleId", nominal_us as "nominalUs", due_us as "dueUs", cause, reason,
        attempts, tries, run, error, due.state as "wasState", due.wake_us as "wasUs",
        occurrence.state = 3 and due.state < 3 as "hasBegun", present.us as "claimUs", schedule.state as "scheduleState",
        schedule.disabled_reason as "disabledReason", schedule.failing_us as "failingUs", schedule.revision,
        schedule.definition, schedule.rule_spec as "ruleSpec", schedule.secret,
        case when occurrence.schedule_revision < schedule.plan_revision
          then coalesce((select committed_us from log where log.revision = schedule.plan_revision), 0) end as "ruleChangedUs",
        case when schedule.secret is not null
          then (select array_agg(sealed order by until_us desc) from schedule_secret
                where schedule_id = schedule.id and until_us > present.us) end as "formerSecrets"`,
    values: [limit, claim, leaseMs * 1_000, onTimeMs * 1_000, scheduler],
  })
  return rows.sort((one, other) => one.wasUs - other.wasUs)
}
