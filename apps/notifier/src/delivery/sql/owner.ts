import type { Executor } from '@qcore/database'
import { subscriptionColumns, type SubscriptionRow } from './subscription-row.ts'

export interface Ownership {
  readonly subscriptionId: string
  readonly streamId: string
  readonly leaseMs: number
}

/** A subscription, and its consumer before. */
export interface OwnedSubscription extends SubscriptionRow {
  readonly formerUs: number
}

/**
 * Makes a stream the owner of a subscription with an order, unless another one is, for a time from now on. Its consumer is to be
 * made anew. Undefined: another one owns it, or it was deleted.
 */
export async function takeOwnership(
  executor: Executor,
  { subscriptionId, streamId, leaseMs }: Ownership,
): Promise<OwnedSubscription | undefined> {
  const { rows } = await executor.query<OwnedSubscription>({
    name: 'take_ownership',
    text: `
      with former as (
        select (extract(epoch from consumer_at) * 1000000)::bigint as us from event_subscription where id = $1
      ), taken as (
        update event_subscription set owner_stream = $2, consumer_at = clock_timestamp(),
          owner_until = clock_timestamp() + $3::double precision * interval '1 ms'
        where id = $1 and in_order and (owner_until <= clock_timestamp() or owner_stream = $2)
        returning *
      ), forgotten as (
        delete from event_turn using taken
        where subscription_id = taken.id and (revision, event_index) <= (taken.floor_revision, taken.floor_index)
      )
      select ${subscriptionColumns}, former.us as "formerUs" from taken as event_subscription cross join former`,
    values: [subscriptionId, streamId, leaseMs],
  })
  return rows[0]
}

/** Goes on owning. False: another one does. */
export async function renewOwnership(
  executor: Executor,
  { subscriptionId, streamId, leaseMs }: Ownership,
): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'renew_ownership',
    text: `
      update event_subscription set owner_until = clock_timestamp() + $3::double precision * interval '1 ms'
      where id = $1 and owner_stream = $2`,
    values: [subscriptionId, streamId, leaseMs],
  })
  return rowCount === 1
}

/** Owns nothing any more. */
export async function endOwnership(executor: Executor, streamId: string): Promise<void> {
  await executor.query({
    name: 'end_ownership',
    text: `update event_subscription set owner_until = '-infinity' where owner_stream = $1 and owner_until > '-infinity'`,
    values: [streamId],
  })
}
