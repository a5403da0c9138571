import type { Executor } from '@qcore/database'
import { subscriptionColumns, type EventPlace, type SubscriptionRow } from './subscription-row.ts'

/** What a node says of a subscription. */
export interface SubscriptionFacts {
  readonly id: string
  readonly namespace: string
  readonly group: string
  readonly pattern: string
  readonly typeRegex: string
  readonly ackMs: number
  readonly maxAttempts: number
  readonly retryMs: number
  readonly mostRetryMs: number
  readonly maxLosses: number
  readonly inOrder: boolean
  readonly floor: EventPlace
}

/** A subscription, and who consumes it. */
export interface ConsumedSubscription extends SubscriptionRow {
  readonly nodes: readonly string[]
}

/** One transaction at a time changes the subscriptions of a namespace. */
export async function lockSubscriptions(executor: Executor, namespace: string): Promise<void> {
  await executor.query({
    name: 'lock_subscriptions',
    text: `select from namespace where name = $1 for no key update`,
    values: [namespace],
  })
}

/** The subscriptions of a namespace, by group and pattern, with the nodes that consume them. */
export async function loadSubscriptions(executor: Executor, namespace: string): Promise<ConsumedSubscription[]> {
  const { rows } = await executor.query<ConsumedSubscription>({
    name: 'load_subscriptions',
    text: `
      select ${subscriptionColumns}, array(
          select distinct node_id from event_consuming
          where subscription_id = event_subscription.id and lease_until > clock_timestamp() order by node_id
        ) as nodes
      from event_subscription where namespace = $1 order by group_name, pattern`,
    values: [namespace],
  })
  return rows
}

export async function loadSubscription(executor: Executor, id: string): Promise<SubscriptionRow | undefined> {
  const { rows } = await executor.query<SubscriptionRow>({
    name: 'load_subscription',
    text: `select ${subscriptionColumns} from event_subscription where id = $1`,
    values: [id],
  })
  return rows[0]
}

/** A subscription, and whether a stream of a node has it alone. */
export interface LockedSubscription extends SubscriptionRow {
  readonly isOwned: boolean
}

/** Reads a subscription that nobody else changes until the end of the transaction. */
export async function lockSubscription(executor: Executor, id: string): Promise<LockedSubscription | undefined> {
  const { rows } = await executor.query<LockedSubscription>({
    name: 'lock_subscription',
    text: `
      select ${subscriptionColumns}, owner_until > clock_timestamp() as "isOwned"
      from event_subscription where id = $1 for no key update`,
    values: [id],
  })
  return rows[0]
}

/** What names the consumers of all subscriptions. */
export async function loadConsumers(executor: Executor): Promise<Pick<SubscriptionRow, 'id' | 'consumerUs'>[]> {
  const { rows } = await executor.query<Pick<SubscriptionRow, 'id' | 'consumerUs'>>({
    name: 'load_consumers',
    text: `select id, (extract(epoch from consumer_at) * 1000000)::bigint as "consumerUs" from event_subscription`,
  })
  return rows
}

/** Stores a subscription. One that its group has keeps its id and its floor. */
export async function storeSubscription(executor: Executor, facts: SubscriptionFacts): Promise<SubscriptionRow> {
  const { rows } = await executor.query<SubscriptionRow>({
    name: 'store_subscription',
    text: `
      insert into event_subscription (
        id, namespace, group_name, pattern, type_regex, ack_ms, max_attempts, retry_ms, most_retry_ms, max_losses, in_order,
        floor_revision, floor_index, consumer_at, created_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, clock_timestamp(), clock_timestamp())
      on conflict (namespace, group_name, pattern) do update set
        ack_ms = excluded.ack_ms, max_attempts = excluded.max_attempts, retry_ms = excluded.retry_ms,
        most_retry_ms = excluded.most_retry_ms, max_losses = excluded.max_losses, in_order = excluded.in_order
      returning ${subscriptionColumns}`,
    values: [
      facts.id,
      facts.namespace,
      facts.group,
      facts.pattern,
      facts.typeRegex,
      facts.ackMs,
      facts.maxAttempts,
      facts.retryMs,
      facts.mostRetryMs,
      facts.maxLosses,
      facts.inOrder,
      facts.floor.revision,
      facts.floor.index,
    ],
  })
  const [row] = rows
  if (row === undefined) throw new Error('a subscription was not stored')
  return row
}

export async function deleteSubscriptions(executor: Executor, ids: readonly string[]): Promise<void> {
  await executor.query({
    name: 'delete_subscriptions',
    text: `delete from event_subscription where id = any($1::text[])`,
    values: [ids],
  })
}

/** Notes that the consumer of a subscription is made, with a name of its own: what was emitted before may have been handled in part. */
export async function markConsumer(executor: Executor, id: string): Promise<SubscriptionRow | undefined> {
  const { rows } = await executor.query<SubscriptionRow>({
    name: 'mark_consumer',
    text: `
      update event_subscription set consumer_at = clock_timestamp() where id = $1 returning ${subscriptionColumns}`,
    values: [id],
  })
  return rows[0]
}

/** Notes up to where all is handled, and forgets what was noted of the events up to there. */
export async function raiseFloor(executor: Executor, id: string, { revision, index }: EventPlace): Promise<void> {
  await executor.query({
    name: 'raise_floor',
    text: `
      with raised as (
        update event_subscription set floor_revision = $2, floor_index = $3
        where id = $1 and (floor_revision, floor_index) < ($2::bigint, $3::integer)
        returning id
      ), forgotten as (
        delete from event_turn using raised
        where subscription_id = raised.id and (revision, event_index) <= ($2::bigint, $3::integer) and is_done
      )
      delete from event_attempt using raised
      where subscription_id = raised.id and (revision, event_index) <= ($2::bigint, $3::integer)
        and updated_at < clock_timestamp() - interval '1 day'`,
    values: [id, revision, index],
  })
}

/** The newest revision of the store. */
export async function readNewest(executor: Executor): Promise<number> {
  const { rows } = await executor.query<{ revision: number }>({
    name: 'read_newest',
    text: `select revision from head`,
  })
  return rows[0]?.revision ?? 0
}

/** Broadcasts of nodes that have been gone for a time. */
export async function loadGoneBroadcasts(executor: Executor, goneMs: number): Promise<SubscriptionRow[]> {
  const { rows } = await executor.query<SubscriptionRow>({
    name: 'load_gone_broadcasts',
    text: `
      select ${subscriptionColumns} from event_subscription
      where group_name like '@%' and not exists (
        select from node
        where node.namespace = event_subscription.namespace and '@' || node.node_id = event_subscription.group_name
          and greatest(node.seen_at, event_subscription.created_at)
            > clock_timestamp() - $1::double precision * interval '1 ms'
      ) and created_at < clock_timestamp() - $1::double precision * interval '1 ms'`,
    values: [goneMs],
  })
  return rows
}
