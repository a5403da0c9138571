import type { Executor } from '@qcore/database'
import { deadLetterColumns, type DeadLetterRow } from './dead-letter-row.ts'

/** Which groups have dead letters to be tried again now. */
export async function loadDueReplays(
  executor: Executor,
  namespaces: readonly string[],
): Promise<{ namespace: string; group: string }[]> {
  const { rows } = await executor.query<{ namespace: string; group: string }>({
    name: 'load_due_replays',
    text: `
      select distinct namespace, group_name as "group" from dead_letter
      where state = 2 and namespace = any($1::text[]) and due_at <= clock_timestamp() and occurrence_id is null
        and (claimed_until is null or claimed_until <= clock_timestamp())`,
    values: [namespaces],
  })
  return rows
}

export interface ReplayClaim {
  readonly namespace: string
  readonly group: string
  readonly typeRegex: string
  readonly nodeId: string
  readonly ackMs: number
  readonly limit: number
}

/** Gives dead letters to a node that are to be tried again, until an answer is due. */
export async function claimReplays(
  executor: Executor,
  { namespace, group, typeRegex, nodeId, ackMs, limit }: ReplayClaim,
): Promise<DeadLetterRow[]> {
  const { rows } = await executor.query<DeadLetterRow>({
    name: 'claim_replays',
    text: `
      update dead_letter set
        claimed_until = clock_timestamp() + $5::double precision * interval '1 ms', claims = claims + 1, node_id = $4
      where id in (
        select id from dead_letter
        where state = 2 and namespace = $1 and group_name = $2 and type ~ $3 and due_at <= clock_timestamp()
          and (claimed_until is null or claimed_until <= clock_timestamp())
        order by due_at, id limit $6 for update skip locked
      )
      returning ${deadLetterColumns}`,
    values: [namespace, group, typeRegex, nodeId, ackMs, limit],
  })
  return rows.sort((a, b) => a.id - b.id)
}

/** Which claim of a dead letter is answered. */
export interface ClaimedReplay {
  readonly namespace: string
  readonly id: number
  readonly claim: number
}

const isClaimed = `namespace = $1 and id = $2 and claims = $3 and state = 2`

/** The replay was handled. False: somebody else has it, or it is over. */
export async function finishReplay(executor: Executor, { namespace, id, claim }: ClaimedReplay): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'finish_replay',
    text: `
      update dead_letter set state = 3, replayed_at = clock_timestamp(), claimed_until = null where ${isClaimed}`,
    values: [namespace, id, claim],
  })
  return rowCount === 1
}

/** The replay failed: the letter is dead again. */
export async function failReplay(
  executor: Executor,
  { namespace, id, claim }: ClaimedReplay,
  { error, fingerprint }: { error: string; fingerprint: string },
): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'fail_replay',
    text: `
      update dead_letter set
        state = 1, reason = 1, error = $4, fingerprint = $5, attempts = attempts + 1, died_at = clock_timestamp(),
        claimed_until = null
      where ${isClaimed}`,
    values: [namespace, id, claim, error, fingerprint],
  })
  return rowCount === 1
}

/** The replay goes on: the time that its group has for an answer begins anew. */
export async function extendReplay(executor: Executor, { namespace, id, claim }: ClaimedReplay): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'extend_replay',
    text: `
      update dead_letter set claimed_until = greatest(claimed_until, clock_timestamp() + (
          select max(ack_ms) from event_subscription subscribed
          where subscribed.namespace = dead_letter.namespace and subscribed.group_name = dead_letter.group_name
            and dead_letter.type ~ subscribed.type_regex
        ) * interval '1 ms')
      where ${isClaimed}`,
    values: [namespace, id, claim],
  })
  return rowCount === 1
}

/** The replay was not begun, or is given up: another node shall have it, after a pause. */
export async function releaseReplay(
  executor: Executor,
  { namespace, id, claim }: ClaimedReplay,
  pauseMs: number,
): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'release_replay',
    text: `
      update dead_letter set
        claimed_until = clock_timestamp() + $4::double precision * interval '1 ms', releases = releases + 1
      where ${isClaimed}`,
    values: [namespace, id, claim, pauseMs],
  })
  return rowCount === 1
}

/** Replays that were given to nodes which never answered, as often as they may: they are dead again. */
export async function endLostReplays(executor: Executor, mostLosses: number): Promise<void> {
  await executor.query({
    name: 'end_lost_replays',
    text: `
      update dead_letter set state = 1, reason = 2, error = 'its node was lost while it was replayed', claimed_until = null,
        died_at = clock_timestamp()
      where state = 2 and claims - releases >= $1 and claimed_until <= clock_timestamp()`,
    values: [mostLosses],
  })
}

/**
 * Forgets dead letters whose replay was handled some time ago, and those that no group has wanted for a time. Gives how
 * many: as many as the limit, or more, if there may be further ones.
 */
export async function deleteOldLetters(
  executor: Executor,
  { replayedMs, unhandledMs, limit }: { replayedMs: number; unhandledMs: number; limit: number },
): Promise<number> {
  const { rowCount } = await executor.query({
    name: 'delete_old_letters',
    text: `
      with present as materialized (select clock_timestamp() as time),
      replayed as materialized (
        select id from dead_letter
        where state = 3 and replayed_at < (select time from present) - $1::double precision * interval '1 ms'
        order by replayed_at limit $3 for update skip locked
      ), unwanted as materialized (
        select id from dead_letter
        where state = 1 and group_name = '' and died_at < (select time from present) - $2::double precision * interval '1 ms'
        order by died_at limit $3 for update skip locked
      )
      delete from dead_letter where id in (select id from replayed union all select id from unwanted)`,
    values: [replayedMs, unhandledMs, limit],
  })
  return rowCount ?? 0
}
