import { DeadLetterReason, type Event } from '@qcore/contracts'
import { fingerprintOf, keptError, loadEvent, readDatabase, type Executor } from '@qcore/database'
import { messageFromEvent } from '@qcore/model'
import type { EventConsumers } from './event-consumers.ts'
import { deliveryMetrics } from './metrics.ts'
import { bury } from './sql/bury.ts'
import type { EventPlace, SubscriptionRow } from './sql/subscription-row.ts'

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

export interface FailedDelivery {
  readonly delivery: EventPlace & { readonly sequence: number }
  readonly error: string
  readonly failures: number
  readonly pool: Executor
  readonly consumers: EventConsumers
  readonly nodeId: string
}

/** Makes an event a dead letter that has failed as often as it may. Gives the id; empty if there is no such event any more. */
export async function buryFailed(
  row: SubscriptionRow,
  { delivery, error, failures, pool, consumers, nodeId }: FailedDelivery,
): Promise<string> {
  const stored = await readDatabase(loadEvent(pool, delivery.revision, delivery.index))
  const event = stored === undefined ? await consumers.eventAt(delivery.sequence) : messageFromEvent(stored)
  if (event === undefined) return ''
  const death = { reason: DeadLetterReason.FAILED, error, attempts: failures, nodeId }
  return `${(await readDatabase(buryEvent(pool, row, { event, ...death }))) ?? ''}`
}
