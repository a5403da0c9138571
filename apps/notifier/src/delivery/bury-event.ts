import type { Event } from '@qcore/contracts'
import { fingerprintOf, keptError, type Executor } from '@qcore/database'
import { deliveryMetrics } from './metrics.ts'
import { bury } from './sql/bury.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'

export interface Death {
  readonly event: Event
  /** A DeadLetterReason. */
  readonly reason: number
  readonly error: string
  readonly attempts: number
  readonly nodeId: string
}

/** Makes an event a dead letter of a group. Gives its id; undefined if the subscription is gone. */
export async function buryEvent(
  pool: Executor,
  { id, group }: SubscriptionRow,
  { event, reason, error, attempts, nodeId }: Death,
): Promise<number | undefined> {
  const kept = keptError(error)
  const deadLetterId = await bury(pool, {
    subscriptionId: id,
    event,
    reason,
    error: kept,
    fingerprint: fingerprintOf(group, event.type, reason, kept),
    attempts,
    nodeId,
  })
  deliveryMetrics.deadLetters.inc()
  return deadLetterId
}
