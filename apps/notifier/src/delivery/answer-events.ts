import { create } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { AckOutcomeSchema, deliverySubject, type AckOutcome, type AckRequest, type EventAnswer } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { AckSender, nakAfter } from './ack-sender.ts'
import { answerTurns, type TurnContext } from './answer-turns.ts'
import { failEvent } from './fail-event.ts'
import { parseDeliveryId, type DeliveryName, type StreamDelivery } from './delivery-id.ts'
import type { EventConsumers } from './event-consumers.ts'
import { keyOf } from './lane.ts'
import { deliveryMetrics } from './metrics.ts'
import { answerReplay } from './answer-replay.ts'
import { countReleases, noteHandled } from './sql/attempts.ts'
import { loadSubscription } from './sql/subscriptions.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'

export interface AnswerContext {
  readonly connection: NatsConnection
  readonly store: string
  readonly pool: Executor
  readonly consumers: EventConsumers
}

/** What became of an answer; of many the same. */
const noted = create(AckOutcomeSchema, { outcome: { case: 'noted', value: {} } })
const stale = create(AckOutcomeSchema, { outcome: { case: 'stale', value: {} } })

interface NamedAnswer {
  /** In the request. */
  readonly index: number
  readonly answer: EventAnswer
  readonly delivery: DeliveryName
}

/**
 * Notes what nodes say of events.
 *
 * @throws QError `unavailable`: nothing is lost, and the answers may be given again
 */
export async function answerEvents(request: AckRequest, context: AnswerContext): Promise<AckOutcome[]> {
  const outcomes: AckOutcome[] = request.answers.map(() => stale)
  const named = await nameAnswers(request, context)
  await releaseAll(named, context)
  await noteLateHandled(named, context)
  const sender = new AckSender(context.connection)
  const { namespace, nodeId } = request
  const answering = { ...context, namespace, nodeId, sender, subscription: subscriptionsOf(context) }
  await answerInOrder(named, outcomes, answering)
  sendAnswers(named, outcomes, sender)
  for (const { index, answer, delivery } of named) {
    if (delivery.kind === 'replay') outcomes[index] = await answerReplay(answer, { ...answering, delivery })
    else if (delivery.kind === 'stream' && answer.answer.case === 'failed') {
      outcomes[index] = await failEvent(answer.answer.value, { ...answering, delivery })
    }
  }
  const gone = await sender.confirmed()
  for (const { index, delivery } of named) {
    if (delivery.kind === 'stream' && gone.has(delivery.consumer)) outcomes[index] = stale
  }
  tellStream(
    named.map(({ answer, delivery, index }) => wordOf(answer, delivery, outcomes[index])),
    request,
    context,
  )
  return outcomes
}

/** The answers to deliveries of a namespace: a token may be limited to that. Replays are looked up in it. */
async function nameAnswers(
  { answers, namespace }: AckRequest,
  { store, consumers }: AnswerContext,
): Promise<NamedAnswer[]> {
  const named: NamedAnswer[] = []
  const subscriptions = new Map<string, boolean>()
  for (const [index, answer] of answers.entries()) {
    const delivery = parseDeliveryId(answer.deliveryId, store)
    if (delivery === undefined) continue
    if (delivery.kind !== 'replay') subscriptions.set(delivery.subscriptionId, false)
    named.push({ index, answer, delivery })
  }
  for (const id of subscriptions.keys()) subscriptions.set(id, (await consumers.namespaceOf(id)) === namespace)
  return named.filter(({ delivery }) => delivery.kind === 'replay' || subscriptions.get(delivery.subscriptionId))
}

/** Subscriptions by their ids, each loaded once. */
function subscriptionsOf({ pool }: AnswerContext): (id: string) => Promise<SubscriptionRow | undefined> {
  const loaded = new Map<string, Promise<SubscriptionRow | undefined>>()
  return (id) => {
    const known = loaded.get(id) ?? loadSubscription(pool, id)
    loaded.set(id, known)
    return known
  }
}

async function answerInOrder(
  named: readonly NamedAnswer[],
  outcomes: AckOutcome[],
  context: TurnContext,
): Promise<void> {
  const turns = named.flatMap(({ index, answer, delivery }) =>
    delivery.kind === 'turn' ? [{ index, answer, delivery }] : [],
  )
  const turnOutcomes = await answerTurns(turns, context)
  for (const [position, { index }] of turns.entries()) outcomes[index] = turnOutcomes[position] ?? stale
}

/** Answers what has not failed, without a wait between: the connection would write each answer by itself. */
function sendAnswers(named: readonly NamedAnswer[], outcomes: AckOutcome[], sender: AckSender): void {
  let handled = 0
  for (const { index, answer, delivery } of named) {
    if (delivery.kind !== 'stream' || answer.answer.case === 'failed') continue
    if (answer.answer.case === 'handled') handled++
    sender.send(delivery, replyTo(answer))
    outcomes[index] = noted
  }
  deliveryMetrics.handled.inc(handled)
}

/** What JetStream is told of an event that has not failed. */
function replyTo({ answer }: EventAnswer): string {
  if (answer.case === 'handled') return '+ACK'
  return answer.case === 'progress' ? '+WPI' : nakAfter(answer.case === 'released' ? answer.value.afterMs : 0)
}

async function releaseAll(named: readonly NamedAnswer[], { pool }: AnswerContext): Promise<void> {
  const released = named.flatMap(({ answer, delivery }) =>
    answer.answer.case === 'released' && delivery.kind === 'stream' ? [delivery] : [],
  )
  if (released.length === 0) return
  const distinct = new Map(released.map((delivery) => [keyOf(delivery.subscriptionId, delivery), delivery]))
  await readDatabase(countReleases(pool, [...distinct.values()]))
}

/** An event that was given to several nodes is handled by the first one that says so: the others may have failed, and say it later. */
async function noteLateHandled(named: readonly NamedAnswer[], { pool }: AnswerContext): Promise<void> {
  const handled = named.flatMap(({ answer, delivery }) =>
    answer.answer.case === 'handled' && delivery.kind === 'stream' && mayBeElsewhere(delivery) ? [delivery] : [],
  )
  if (handled.length === 0) return
  const distinct = new Map(handled.map((delivery) => [keyOf(delivery.subscriptionId, delivery), delivery]))
  await readDatabase(noteHandled(pool, [...distinct.values()]))
}

function mayBeElsewhere({ delivered, lateAtMs }: StreamDelivery): boolean {
  return delivered > 1 || Date.now() >= lateAtMs
}

/** Tells the notifier of the node that it has room again, or still works. A word that is lost is made up for by time. */
function tellStream(
  words: readonly string[],
  { namespace, nodeId }: AckRequest,
  { connection, store }: AnswerContext,
): void {
  const said = words.filter((word) => word !== '')
  if (said.length > 0) connection.publish(deliverySubject(store, namespace, nodeId), said.join('\n'))
}

/** Empty: nothing is to be said. */
function wordOf({ answer }: EventAnswer, delivery: DeliveryName, outcome: AckOutcome | undefined): string {
  const key = delivery.kind === 'replay' ? `r${delivery.deadLetterId}` : keyOf(delivery.subscriptionId, delivery)
  if (delivery.kind === 'turn' && outcome?.outcome.case === 'stale') return ''
  if (answer.case === 'progress') return `+${key}`
  const isOver = answer.case === 'handled' || outcome?.outcome.case === 'deadLetter'
  return delivery.kind === 'turn' && !isOver ? `~${key}` : `-${key}`
}
