import { QError } from '@qcore/errors'
import type { EventConsumers } from './event-consumers.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'

/** How many events wait for a group. */
export interface SubscriptionDepth {
  /** That no node has been given. */
  readonly pending: number
  /** That nodes work on, or that wait to be tried again. */
  readonly unanswered: number
}

/**
 * Asks JetStream how far a subscription is. A consumer that was lost is made anew first.
 *
 * @throws QError `unavailable`: it is not known
 */
export async function measureSubscription(consumers: EventConsumers, row: SubscriptionRow): Promise<SubscriptionDepth> {
  const made = await consumers.ensure(row)
  if (made === undefined) return { pending: 0, unanswered: 0 }
  const info = await consumers.info(made)
  if (info === undefined)
    throw new QError('unavailable', `what waits for group ${row.group} is not known at the moment`)
  return { pending: info.num_pending, unanswered: info.num_ack_pending }
}
