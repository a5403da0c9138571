/** The place of an event in the order in which events were emitted. */
export interface EventPlace {
  readonly revision: number
  readonly index: number
}

/** A subscription of a group. */
export interface SubscriptionRow {
  /** Also the name of its consumer. */
  readonly id: string
  readonly namespace: string
  readonly group: string
  readonly pattern: string
  readonly ackMs: number
  readonly maxAttempts: number
  readonly retryMs: number
  readonly mostRetryMs: number
  readonly maxLosses: number
  readonly inOrder: boolean
  readonly floorRevision: number
  readonly floorIndex: number
  readonly consumerUs: number
  readonly createdUs: number
}

export const subscriptionColumns = `
  event_subscription.id, event_subscription.namespace, event_subscription.group_name as "group", event_subscription.pattern,
  event_subscription.ack_ms as "ackMs", event_subscription.max_attempts as "maxAttempts",
  event_subscription.retry_ms as "retryMs", event_subscription.most_retry_ms as "mostRetryMs",
  event_subscription.max_losses as "maxLosses", event_subscription.in_order as "inOrder",
  event_subscription.floor_revision as "floorRevision", event_subscription.floor_index as "floorIndex",
  (extract(epoch from event_subscription.consumer_at) * 1000000)::bigint as "consumerUs",
  (extract(epoch from event_subscription.created_at) * 1000000)::bigint as "createdUs"`

/** Whether an event comes before, at (0) or after another one. */
export function comparePlaces(a: EventPlace, b: EventPlace): number {
  return a.revision - b.revision || a.index - b.index
}
