import type { Executor } from '@qcore/database'

/** A stream of a node, and what it consumes. */
export interface Consuming {
  readonly streamId: string
  readonly nodeId: string
  readonly subscriptionIds: readonly string[]
}

/** When a subscription was consumed last is noted to so many milliseconds. */
const seenAfterMs = 5_000

/** Says that nodes consume subscriptions, for a time from now on PostgreSQL's clock. */
export async function renewConsuming(
  executor: Executor,
  streams: readonly Consuming[],
  leaseMs: number,
): Promise<void> {
  const rows = streams.flatMap(({ streamId, nodeId, subscriptionIds }) =>
    subscriptionIds.map((id) => ({ id, streamId, nodeId })),
  )
  await executor.query({
    name: 'renew_consuming',
    text: `
      with seen as (
        update event_subscription set consumed_at = clock_timestamp()
        where id in (
          select id from event_subscription
          where id = any($1::text[]) and consumed_at < clock_timestamp() - $5::double precision * interval '1 ms'
          -- Several notifiers say the same.
          order by id for no key update skip locked
        )
      )
      insert into event_consuming (subscription_id, stream_id, node_id, lease_until)
      select id, stream_id, node_id, clock_timestamp() + $4::double precision * interval '1 ms'
      from unnest($1::text[], $2::text[], $3::text[]) as given (id, stream_id, node_id)
      join event_subscription using (id)
      on conflict (subscription_id, stream_id) do update set lease_until = excluded.lease_until`,
    values: [
      rows.map(({ id }) => id),
      rows.map(({ streamId }) => streamId),
      rows.map(({ nodeId }) => nodeId),
      leaseMs,
      seenAfterMs,
    ],
  })
}

/** Says that a stream is over, and forgets those whose notifier is gone. */
export async function endConsuming(executor: Executor, streamId: string): Promise<void> {
  await executor.query({
    name: 'end_consuming',
    text: `delete from event_consuming where stream_id = $1 or lease_until < clock_timestamp() - interval '1 minute'`,
    values: [streamId],
  })
}
