import type { Executor } from '@qcore/database'
import type { EventPlace } from './subscription-row.ts'

/** What is known of an event that did not go well. */
export interface AttemptRow {
  readonly revision: number
  readonly index: number
  readonly failures: number
  readonly releases: number
  readonly isDead: boolean
  /** It was handled after all, by a node that it was given to again. */
  readonly isHandled: boolean
}

/** Stands for the delivery that was answered last: no other answer counts after it. */
const handledAnswer = 'handled'
const columns = `
  revision, event_index as index, failures, releases, is_dead as "isDead", last_answer = '${handledAnswer}' as "isHandled"`

/** What is known of events of a subscription; those that nothing is known of are left out. */
export async function loadAttempts(
  executor: Executor,
  subscriptionId: string,
  places: readonly EventPlace[],
): Promise<AttemptRow[]> {
  const { rows } = await executor.query<AttemptRow>({
    name: 'load_attempts',
    text: `
      select ${columns} from event_attempt
      where subscription_id = $1 and (revision, event_index) in (
        select * from unnest($2::bigint[], $3::integer[])
      )`,
    values: [subscriptionId, places.map(({ revision }) => revision), places.map(({ index }) => index)],
  })
  return rows
}

export interface Failure extends EventPlace {
  readonly subscriptionId: string
  /** Names the delivery that is answered: the same answer counts once. */
  readonly answer: string
}

/** Counts a failure. Undefined: the event is handled, or the subscription is gone. */
export async function countFailure(
  executor: Executor,
  { subscriptionId, revision, index, answer }: Failure,
): Promise<AttemptRow | undefined> {
  const { rows } = await executor.query<AttemptRow>({
    name: 'count_failure',
    text: `
      insert into event_attempt (subscription_id, revision, event_index, failures, last_answer, updated_at)
      select id, $2, $3, 1, $4, clock_timestamp() from event_subscription
      where id = $1 and (floor_revision, floor_index) < ($2::bigint, $3::integer)
      on conflict (subscription_id, revision, event_index) do update set
        failures = event_attempt.failures + (event_attempt.last_answer <> excluded.last_answer)::integer,
        last_answer = excluded.last_answer, updated_at = excluded.updated_at
      where event_attempt.last_answer <> '${handledAnswer}'
      returning ${columns}`,
    values: [subscriptionId, revision, index, answer],
  })
  return rows[0]
}

/** Counts events that were given back: they were not lost. */
export async function countReleases(executor: Executor, releases: readonly Failure[]): Promise<void> {
  await executor.query({
    name: 'count_releases',
    text: `
      insert into event_attempt (subscription_id, revision, event_index, releases, last_answer, updated_at)
      select event_subscription.id, revision, event_index, 1, answer, clock_timestamp()
      from unnest($1::text[], $2::bigint[], $3::integer[], $4::text[]) as given (id, revision, event_index, answer)
      join event_subscription using (id)
      on conflict (subscription_id, revision, event_index) do update set
        releases = event_attempt.releases + (event_attempt.last_answer <> excluded.last_answer)::integer,
        last_answer = excluded.last_answer, updated_at = excluded.updated_at
      where event_attempt.last_answer <> '${handledAnswer}'`,
    values: [
      releases.map(({ subscriptionId }) => subscriptionId),
      releases.map(({ revision }) => revision),
      releases.map(({ index }) => index),
      releases.map(({ answer }) => answer),
    ],
  })
}

/** Notes that events are handled of which a node may still say something else. */
export async function noteHandled(
  executor: Executor,
  handled: readonly (EventPlace & { readonly subscriptionId: string })[],
): Promise<void> {
  await executor.query({
    name: 'note_handled',
    text: `
      insert into event_attempt (subscription_id, revision, event_index, last_answer, updated_at)
      select event_subscription.id, revision, event_index, '${handledAnswer}', clock_timestamp()
      from unnest($1::text[], $2::bigint[], $3::integer[]) as given (id, revision, event_index)
      join event_subscription using (id)
      on conflict (subscription_id, revision, event_index) do update set
        last_answer = excluded.last_answer, updated_at = excluded.updated_at`,
    values: [
      handled.map(({ subscriptionId }) => subscriptionId),
      handled.map(({ revision }) => revision),
      handled.map(({ index }) => index),
    ],
  })
}
