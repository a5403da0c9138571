import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'
import { occurrenceColumns, type OccurrenceRow } from './occurrence-row.ts'

/** An occurrence that this scheduler has for the time of a lease, with its schedule. */
export interface ClaimedRow extends OccurrenceRow {
  /** Its state before: a running one has lost its scheduler. */
  wasState: number
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

/**
 * Claims what is due, or has lost its scheduler, in the order in which it became so. What another scheduler is claiming is
 * passed over.
 *
 * @param claim tells this claim from every other one
 */
export async function claimOccurrences(
  executor: Executor,
  { claim, leaseMs, limit }: { claim: string; leaseMs: number; limit: number },
): Promise<ClaimedRow[]> {
  const { rows } = await executor.query<ClaimedRow>({
    name: 'claim_occurrences',
    text: `
      with present as materialized (select ${nowUs} as us),
      due as (
        select id, wake_us, state from occurrence
        where ended_us is null and wake_us <= (select us from present)
          and (claim is null or lease_us <= (select us from present))
        order by wake_us limit $1
        for update skip locked),
      claimed as (
        update occurrence set state = greatest(due.state, 2), claim = $2, lease_us = (select us from present) + $3
        from due where occurrence.id = due.id
        returning occurrence.*, due.state as was_state, due.wake_us as was_us)
      select ${occurrenceColumns('claimed')}, was_state as "wasState", was_us as "wasUs", present.us as "claimUs",
        schedule.state as "scheduleState", schedule.disabled_reason as "disabledReason", schedule.failing_us as "failingUs", schedule.revision,
        schedule.definition, schedule.rule_spec as "ruleSpec", schedule.secret,
        case when claimed.schedule_revision < schedule.plan_revision
          then coalesce((select committed_us from log where log.revision = schedule.plan_revision), 0) end as "ruleChangedUs",
        (select array_agg(sealed order by until_us desc) from schedule_secret
         where schedule_id = schedule.id and until_us > present.us) as "formerSecrets"
      from claimed join schedule on schedule.id = claimed.schedule_id, present
      order by was_us`,
    values: [limit, claim, leaseMs * 1_000],
  })
  return rows
}
