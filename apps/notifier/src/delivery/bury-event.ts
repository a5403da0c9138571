import { DeadLetterReason, type Event } from '@qcore/contracts'
import { fingerprintOf, keptError, loadEvent, readDatabase, type Executor } from '@qcore/database'
import { messageFromEvent, parseEventPosition } from '@qcore/model'
import type { EventConsumers } from './event-consumers.ts'
import { deliveryMetrics } from './metrics.ts'
import { bury } from './sql/bury.ts'
import { comparePlaces, type EventPlace, type SubscriptionRow } from './sql/subscription-row.ts'
import { typeRegex } from './type-pattern.ts'

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

export interface Delivered {
  readonly delivery: EventPlace & { readonly sequence: number }
  readonly pool: Executor
  readonly consumers: EventConsumers
}

/**
 * The event of a delivery, if it is kept and its subscription selects it: a caller could put the parts of a delivery id together
 * anew, with the place of an event that is not its own to read.
 */
export async function deliveredEvent(
  { namespace, pattern }: SubscriptionRow,
  { delivery, pool, consumers }: Delivered,
): Promise<Event | undefined> {
  const stored = await readDatabase(loadEvent(pool, delivery.revision, delivery.index))
  const event = stored === undefined ? await consumers.eventAt(delivery.sequence) : messageFromEvent(stored)
  const place = event === undefined ? undefined : parseEventPosition(event.position)
  const isThere = place !== undefined && comparePlaces(place, delivery) === 0
  const isSelected = event?.namespace === namespace && new RegExp(typeRegex(pattern)).test(event.type)
  return isThere && isSelected ? event : undefined
}

export interface FailedDelivery extends Delivered {
  readonly error: string
  readonly failures: number
  readonly nodeId: string
}

/** Makes an event a dead letter that has failed as often as it may. Gives the id; empty if there is no such event any more. */
export async function buryFailed(
  row: SubscriptionRow,
  { error, failures, nodeId, ...delivered }: FailedDelivery,
): Promise<string> {
  const { pool } = delivered
  const event = await deliveredEvent(row, delivered)
  if (event === undefined) return ''
  const death = { reason: DeadLetterReason.FAILED, error, attempts: failures, nodeId }
  return `${(await readDatabase(buryEvent(pool, row, { event, ...death }))) ?? ''}`
}
