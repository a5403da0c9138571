import { create } from '@bufbuild/protobuf'
import { AckOutcomeSchema, type AckOutcome, type EventAnswer } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { buryFailed } from './bury-event.ts'
import type { TurnDelivery } from './delivery-id.ts'
import type { EventConsumers } from './event-consumers.ts'
import { retryPauseMs } from './fail-event.ts'
import { keyOf } from './lane.ts'
import { deliveryMetrics } from './metrics.ts'
import { countFailure, countReleases } from './sql/attempts.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'
import { changeTurns, type Turn, type TurnChange } from './sql/turns.ts'

export interface TurnAnswer {
  readonly answer: EventAnswer
  readonly delivery: TurnDelivery
}

export interface TurnContext {
  readonly pool: Executor
  readonly consumers: EventConsumers
  readonly nodeId: string
  readonly subscription: (id: string) => Promise<SubscriptionRow | undefined>
}

/**
 * Notes what nodes say of events of subscriptions with an order. Only who was given an event last is listened to: the next one of
 * the key comes when it is over.
 */
export async function answerTurns(answers: readonly TurnAnswer[], context: TurnContext): Promise<AckOutcome[]> {
  const { pool } = context
  const of = (kind: EventAnswer['answer']['case']) =>
    answers.filter(({ answer }) => answer.answer.case === kind).map(({ delivery }) => delivery)
  const [handled, working] = [of('handled'), of('progress')]
  deliveryMetrics.handled.inc(handled.length)
  const noted = new Set([
    ...(await changed(pool, handled, { isDone: true })),
    ...(await changed(pool, working, { isDone: false, busyMs: 'ack_ms' })),
    ...(await release(pool, answers)),
  ])
  const outcomes: AckOutcome[] = []
  for (const { answer, delivery } of answers) {
    if (answer.answer.case === 'failed') outcomes.push(await fail(answer.answer.value, delivery, context))
    else outcomes.push(noted.has(nameOf(delivery)) ? outcome('noted') : outcome('stale'))
  }
  return outcomes
}

async function release(pool: Executor, answers: readonly TurnAnswer[]): Promise<string[]> {
  const released = answers.flatMap(({ answer: { answer }, delivery }) =>
    answer.case === 'released' ? [{ delivery, busyMs: answer.value.afterMs }] : [],
  )
  const deliveries = released.map(({ delivery }) => delivery)
  if (deliveries.length > 0) await readDatabase(countReleases(pool, distinct(deliveries)))
  const noted: string[] = []
  for (const [busyMs, group] of Map.groupBy(released, (each) => each.busyMs)) {
    const change = { isDone: false, busyMs } as const
    noted.push(
      ...(await changed(
        pool,
        group.map(({ delivery }) => delivery),
        change,
      )),
    )
  }
  return noted
}

async function fail(
  { error, isFinal }: { readonly error: string; readonly isFinal: boolean },
  delivery: TurnDelivery,
  { pool, consumers, nodeId, subscription }: TurnContext,
): Promise<AckOutcome> {
  const row = await readDatabase(subscription(delivery.subscriptionId))
  if (row === undefined) return outcome('stale')
  // Nobody else is given it while it is decided what becomes of it.
  const own = await changed(pool, [delivery], { isDone: false, busyMs: 'ack_ms' })
  if (own.length === 0) return outcome('stale')
  const counted = await readDatabase(countFailure(pool, delivery))
  deliveryMetrics.failed.inc()
  const failures = counted?.failures ?? 1
  if (failures < row.maxAttempts && !isFinal && counted?.isDead !== true) {
    const busyMs = retryPauseMs(row, failures)
    await changed(pool, [delivery], { isDone: false, busyMs })
    return create(AckOutcomeSchema, { outcome: { case: 'retryAfterMs', value: busyMs } })
  }
  const id = await buryFailed(row, { delivery, error, failures, pool, consumers, nodeId })
  await changed(pool, [delivery], { isDone: true })
  return create(AckOutcomeSchema, { outcome: { case: 'deadLetter', value: { deadLetterId: id } } })
}

/** The names of those that were still with whoever answers. */
async function changed(pool: Executor, deliveries: readonly TurnDelivery[], change: TurnChange): Promise<string[]> {
  if (deliveries.length === 0) return []
  return (await readDatabase(changeTurns(pool, distinct(deliveries), change))).map(nameOf)
}

function distinct(deliveries: readonly TurnDelivery[]): TurnDelivery[] {
  return [...new Map(deliveries.map((delivery) => [nameOf(delivery), delivery])).values()]
}

function nameOf(turn: Turn): string {
  return `${turn.subscriptionId} ${keyOf(turn)} ${turn.handing}`
}

function outcome(kind: 'noted' | 'stale'): AckOutcome {
  return create(AckOutcomeSchema, { outcome: { case: kind, value: {} } })
}
