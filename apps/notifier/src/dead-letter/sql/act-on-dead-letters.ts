import type { Executor } from '@qcore/database'
import { deadLetterConditions, type DeadLetterSearch } from './dead-letter-conditions.ts'

/** Who does something with which dead letters. */
export interface Action {
  readonly search: DeadLetterSearch
  readonly subject: string
  /** A DeadLetterFilter. */
  readonly filter: Uint8Array
  readonly limit: number
}

/** What was done; no action if there was nothing to do it with. */
export interface ActionOutcome {
  readonly id: number | undefined
  readonly count: number
}

/**
 * Lets dead letters be tried again, the oldest first, one after the other in a pause; by a group of their own, or by that
 * given; occurrences by schedulers.
 */
export function replayDeadLetters(
  executor: Executor,
  action: Action,
  { pauseMs, toGroup }: { pauseMs: number; toGroup: string },
): Promise<ActionOutcome> {
  return act(executor, action, {
    kind: 'replay',
    change: (add) => `
      update dead_letter set
        state = 2, replays = replays + 1, replay_action = action.id, claimed_until = null, claims = 0, releases = 0,
        group_name = case when group_name = '' then ${add(toGroup)} else group_name end,
        due_at = now() + (chosen.position - 1) * ${add(pauseMs)}::double precision * interval '1 ms'
      from chosen, action where dead_letter.id = chosen.id and dead_letter.state = 1
      returning dead_letter.occurrence_id, chosen.position),
      tried_again as (
        update occurrence set
          state = 1, cause = 6, reason = '', error = '', tries = 0, claim = null, ended_us = null,
          wake_us = (extract(epoch from clock_timestamp()) * 1000000
            + (changed.position - 1) * ${add(pauseMs)}::double precision * 1000)::bigint
        from changed where occurrence.id = changed.occurrence_id and occurrence.state = 5`,
  })
}

/** Deletes dead letters. */
export function purgeDeadLetters(executor: Executor, action: Action): Promise<ActionOutcome> {
  return act(executor, action, {
    kind: 'purge',
    change: () => 'delete from dead_letter using chosen where dead_letter.id = chosen.id',
  })
}

async function act(
  executor: Executor,
  { search, subject, filter, limit }: Action,
  { kind, change }: { kind: string; change: (add: (value: unknown) => string) => string },
): Promise<ActionOutcome> {
  const values: unknown[] = []
  const add = (value: unknown): string => `$${values.push(value)}`
  const { rows } = await executor.query<{ id: number; count: number }>({
    text: `
      with found as materialized (
        select id, schedule_id from dead_letter where ${deadLetterConditions(search, values)}
        order by id limit ${add(limit)} for update skip locked
      ), chosen as materialized (
        select id, schedule_id, row_number() over (order by id) as position from found
      ), action as materialized (
        insert into dead_letter_action (namespace, kind, subject, acted_at, filter, letters)
        select ${add(search.namespace)}, ${add(kind)}, ${add(subject)}, clock_timestamp(), ${add(Buffer.from(filter))}, counted.count
        from (select count(*) as count from chosen) counted where counted.count > 0
        returning id, letters
      ), of_schedules as (
        insert into dead_letter_action_schedule (action_id, schedule_id, letters)
        select action.id, chosen.schedule_id, count(*) from action, chosen
        where chosen.schedule_id is not null group by action.id, chosen.schedule_id
      ), changed as (${change(add)})
      select id, letters as count from action`,
    values,
  })
  return { id: rows[0]?.id, count: rows[0]?.count ?? 0 }
}

export interface ActionRow {
  readonly id: number
  readonly kind: string
  readonly subject: string
  readonly actedUs: number
  readonly filter: Buffer
  readonly count: number
}

/**
 * What was done in a namespace, the newest first. Who is limited to tags sees what was done with letters that he would see, and how
 * many of those there were.
 */
export async function listActions(
  executor: Executor,
  { namespace, visibleTags, limit }: Pick<DeadLetterSearch, 'namespace' | 'visibleTags'> & { limit: number },
): Promise<ActionRow[]> {
  const { rows } = await executor.query<ActionRow>({
    name: 'list_dead_letter_actions',
    text: `
      select id, kind, subject, (extract(epoch from acted_at) * 1000000)::bigint as "actedUs", filter, seen.count
      from dead_letter_action action, lateral (
        select (action.letters - coalesce(sum(hidden.letters), 0))::bigint as count from dead_letter_action_schedule hidden
        where hidden.action_id = action.id and $3::text[] is not null and not exists (
          select from schedule where schedule.id = hidden.schedule_id and schedule.tags ?| $3::text[])
      ) seen
      where namespace = $1 and seen.count > 0 order by id desc limit $2`,
    values: [namespace, limit, visibleTags ?? null],
  })
  return rows
}
