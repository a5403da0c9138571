import { create } from '@bufbuild/protobuf'
import { AckOutcomeSchema, DeadLetterReason, type AckOutcome, type EventFailed } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { nakAfter, overAnswer, type AckSender } from './ack-sender.ts'
import { buryEvent, deliveredEvent } from './bury-event.ts'
import type { StreamDelivery } from './delivery-id.ts'
import type { EventConsumers } from './event-consumers.ts'
import { deliveryMetrics } from './metrics.ts'
import { countFailure } from './sql/attempts.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'

export interface FailContext {
  readonly pool: Executor
  readonly consumers: EventConsumers
  readonly delivery: StreamDelivery
  readonly nodeId: string
  readonly sender: AckSender
  readonly subscription: (id: string) => Promise<SubscriptionRow | undefined>
}

/** An attempt has failed: another one after a pause, or a dead letter. */
export async function failEvent({ error, isFinal }: EventFailed, context: FailContext): Promise<AckOutcome> {
  const { pool, delivery, sender, nodeId } = context
  const { subscriptionId } = delivery
  const row = await readDatabase(context.subscription(subscriptionId))
  const event = row === undefined ? undefined : await deliveredEvent(row, context)
  if (row === undefined || event === undefined) return stale()
  const counted = await readDatabase(countFailure(pool, delivery))
  if (counted === undefined) return stale()
  deliveryMetrics.failed.inc()
  const { failures } = counted
  if (failures < row.maxAttempts && !isFinal && !counted.isDead) {
    const retryMs = retryPauseMs(row, failures)
    sender.send(delivery, nakAfter(retryMs))
    return create(AckOutcomeSchema, { outcome: { case: 'retryAfterMs', value: retryMs } })
  }
  const death = { reason: DeadLetterReason.FAILED, error, attempts: failures, nodeId }
  const id = await readDatabase(buryEvent(pool, row, { event, ...death }))
  sender.send(delivery, overAnswer)
  return create(AckOutcomeSchema, { outcome: { case: 'deadLetter', value: { deadLetterId: `${id ?? ''}` } } })
}

function stale(): AckOutcome {
  return create(AckOutcomeSchema, { outcome: { case: 'stale', value: {} } })
}

/** Doubles with each failure, and a half of it is random, so that what failed together does not come back together. */
export function retryPauseMs({ retryMs, mostRetryMs }: SubscriptionRow, failures: number): number {
  const full = Math.min(mostRetryMs, retryMs * 2 ** Math.min(failures - 1, 30))
  return Math.ceil(full / 2 + Math.random() * (full / 2))
}
