import { create } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { AckOutcomeSchema, type AckOutcome, type AckRequest, type EventAnswer } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { AckSender, handledAnswer, nakAfter, workingAnswer } from './ack-sender.ts'
import { answerTurns, type TurnContext } from './answer-turns.ts'
import { failEvent } from './fail-event.ts'
import { parseDeliveryId, type DeliveryName, type StreamDelivery } from './delivery-id.ts'
import type { EventConsumers } from './event-consumers.ts'
import { keyOf, replayKey } from './lane.ts'
import { deliveryMetrics } from './metrics.ts'
import type { NodeWord, NodeWords } from './node-words.ts'
import { answerReplay } from './answer-replay.ts'
import { countReleases, noteHandled } from './sql/attempts.ts'
import { loadSubscription } from './sql/subscriptions.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'

export interface AnswerContext {
  readonly connection: NatsConnection
  readonly store: string
  readonly pool: Executor
  readonly consumers: EventConsumers
  readonly words: NodeWords
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
  // The notifier of the node has room again, or hears that the node still works.
  context.words.tell(
    request,
    named.flatMap(({ answer, delivery, index }) => wordOf(answer, delivery, outcomes[index]) ?? []),
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
function replyTo({ answer }: EventAnswer): Uint8Array {
  if (answer.case === 'handled') return handledAnswer
  return answer.case === 'progress' ? workingAnswer : nakAfter(answer.case === 'released' ? answer.value.afterMs : 0)
}

async function releaseAll(named: readonly NamedAnswer[], { pool }: AnswerContext): Promise<void> {
  const released = named.flatMap(({ answer, delivery }) =>
    answer.answer.case === 'released' && delivery.kind === 'stream' ? [delivery] : [],
  )
  if (released.length === 0) return
  await readDatabase(countReleases(pool, distinct(released)))
}

/** An event that was given to several nodes is handled by the first one that says so: the others may have failed, and say it later. */
async function noteLateHandled(named: readonly NamedAnswer[], { pool }: AnswerContext): Promise<void> {
  const handled = named.flatMap(({ answer, delivery }) =>
    answer.answer.case === 'handled' && delivery.kind === 'stream' && mayBeElsewhere(delivery) ? [delivery] : [],
  )
  if (handled.length === 0) return
  await readDatabase(noteHandled(pool, distinct(handled)))
}

function distinct(deliveries: readonly StreamDelivery[]): StreamDelivery[] {
  return [
    ...new Map(deliveries.map((delivery) => [`${delivery.subscriptionId} ${keyOf(delivery)}`, delivery])).values(),
  ]
}

function mayBeElsewhere({ delivered, lateAtMs }: StreamDelivery): boolean {
  return delivered > 1 || Date.now() >= lateAtMs
}

/** Undefined: nothing is to be said. */
function wordOf(
  { answer }: EventAnswer,
  delivery: DeliveryName,
  outcome: AckOutcome | undefined,
): NodeWord | undefined {
  const isReplay = delivery.kind === 'replay'
  const key = isReplay ? replayKey(delivery.deadLetterId) : keyOf(delivery)
  const subscriptionId = isReplay ? '' : delivery.subscriptionId
  if (delivery.kind === 'turn' && outcome?.outcome.case === 'stale') return undefined
  if (answer.case === 'progress') return { kind: 'working', subscriptionId, key }
  const isOver = answer.case === 'handled' || outcome?.outcome.case === 'deadLetter'
  return { kind: delivery.kind === 'turn' && !isOver ? 'again' : 'over', subscriptionId, key }
}
