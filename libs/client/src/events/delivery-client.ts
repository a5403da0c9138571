import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  DeliveryService,
  SubscriptionStart,
  type AckOutcome,
  type EventAnswerSchema,
  type EventDelivery as DeliveryMessage,
  type GroupSubscription as GroupMessage,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import { eventFromMessage, type StoredEvent } from './event.ts'
import type { NodeInstance } from './node-client.ts'

/** What a node wants to handle; docs/events.md has the defaults. */
export interface SubscriptionInput {
  /** A type, or a pattern: `*` is one part, `>` at the end one or more. */
  readonly pattern: string
  /** Each group gets every event, one of its nodes handles it. */
  readonly group?: string
  /** To every node instead of one of a group. */
  readonly broadcast?: boolean
  /** Events that the node works on at a time. */
  readonly concurrency?: number
  /** The time for an answer, or word of progress, in milliseconds. */
  readonly ackMs?: number
  readonly maxAttempts?: number
  /** The pause after the first failure, in milliseconds; it doubles up to `mostRetryMs`. */
  readonly retryMs?: number
  readonly mostRetryMs?: number
  /** How often an event may be lost with nodes that never answer. */
  readonly maxLosses?: number
  /** Events of one order key one at a time, in order; different keys side by side. */
  readonly inOrder?: boolean
  /** Where a subscription begins that is new to its group. */
  readonly start?: 'oldest' | 'next'
}

/** An event for a node. */
export interface EventDelivery {
  readonly deliveryId: string
  /** Which of the subscriptions it is for. */
  readonly subscription: number
  readonly event: StoredEvent
  /** How often it was given to a node of the group before. */
  readonly redeliveries: number
  /** How often it has failed before, and 1. */
  readonly attempt: number
  /** The id of the event that is tried again; empty: it is none that died. */
  readonly replayOf: string
}

/** What a node says of an event. */
export type EventAnswer =
  | { readonly deliveryId: string; readonly answer: 'handled' | 'progress' }
  /** Not before a pause, in milliseconds; default: at once. */
  | { readonly deliveryId: string; readonly answer: 'released'; readonly afterMs?: number }
  | { readonly deliveryId: string; readonly answer: 'failed'; readonly error: string; readonly isFinal?: boolean }

/** What became of an answer. */
export type AnswerOutcome =
  | { readonly kind: 'noted' | 'stale' }
  | { readonly kind: 'retry'; readonly afterMs: number }
  | { readonly kind: 'dead'; readonly deadLetterId: string }

/** A subscription of a group, and how far it is. */
export interface GroupState {
  readonly group: string
  readonly pattern: string
  /** Events that no node has been given. */
  readonly pending: number
  /** Events that nodes work on, or that wait to be tried again. */
  readonly unanswered: number
  /** Up to this event all are handled, or dead letters. */
  readonly floor: string
  readonly nodes: readonly string[]
  readonly createdAt: Timestamp
  readonly maxAttempts: number
  readonly ackMs: number
  readonly inOrder: boolean
}

/** What waits in a namespace. */
export interface Depths {
  /** Events that wait to be handled, once a group, and those that no group wants. */
  readonly queueDepth: number
  readonly deadLetterDepth: number
  /** Of the queue: events that no group wants. */
  readonly unclaimed: number
}

const starts = { oldest: SubscriptionStart.OLDEST, next: SubscriptionStart.NEXT } as const

/** Gives events to nodes, and tells how far groups are. */
export class DeliveryClient {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /**
   * The events for a node, in batches, until the signal ends it; the first batch is empty and says that the subscriptions are
   * there. Each event has to be answered. When the stream breaks, open another one with what is still being worked on.
   *
   * @throws QError `unknown_node`, `node_replaced`, `group_conflict`, `unavailable`, `canceled`
   */
  async *consume(
    { namespace, nodeId, instance }: NodeInstance,
    subscriptions: readonly SubscriptionInput[],
    { signal, held = [] }: { signal: AbortSignal; held?: readonly string[] },
  ): AsyncGenerator<EventDelivery[], void> {
    const request = {
      namespace,
      nodeId,
      instance,
      subscriptions: subscriptions.map(subscriptionMessage),
      held: [...held],
    }
    const stream = this.#caller.stream(DeliveryService.method.consume, request, this.#caller.signalOf(signal))
    for await (const { kind } of stream) {
      if (kind.case === 'started') yield []
      else if (kind.case === 'deliveries') yield kind.value.deliveries.map(deliveryFromMessage)
    }
  }

  /** Answers events, 1,000 at most. Answers may be given again when it is not known whether they arrived. */
  async ack(
    { namespace, nodeId }: Pick<NodeInstance, 'namespace' | 'nodeId'>,
    answers: readonly EventAnswer[],
    options: CallOptions = {},
  ): Promise<AnswerOutcome[]> {
    const request = { namespace, nodeId, answers: answers.map(answerMessage) }
    const { outcomes } = await this.#caller.call(DeliveryService.method.ack, request, options)
    return outcomes.map(outcomeFromMessage)
  }

  /** The groups of a namespace, by group and pattern. */
  async groups(namespace: string, options: CallOptions = {}): Promise<GroupState[]> {
    const { subscriptions } = await this.#caller.call(DeliveryService.method.listGroups, { namespace }, options)
    return subscriptions.map(groupFromMessage)
  }

  /** Deletes a subscription of a group that no node consumes. Throws `group_conflict`. */
  async deleteSubscription(
    { namespace, group, pattern }: { namespace: string; group: string; pattern: string },
    options: CallOptions = {},
  ): Promise<void> {
    await this.#caller.call(DeliveryService.method.deleteSubscription, { namespace, group, pattern }, options)
  }

  /** What waits in a namespace. Throws when it is not known. */
  async depths(namespace: string, options: CallOptions = {}): Promise<Depths> {
    const answer = await this.#caller.call(DeliveryService.method.getDepths, { namespace }, options)
    return {
      queueDepth: Number(answer.queueDepth),
      deadLetterDepth: Number(answer.deadLetterDepth),
      unclaimed: Number(answer.unclaimed),
    }
  }
}

function subscriptionMessage({ start, ...given }: SubscriptionInput) {
  return { ...given, start: start === undefined ? SubscriptionStart.UNSPECIFIED : starts[start] }
}

function deliveryFromMessage({
  event,
  deliveryId,
  subscription,
  redeliveries,
  attempt,
  replayOf,
}: DeliveryMessage): EventDelivery {
  if (event === undefined) throw new QError('internal', 'the delivery has no event')
  return { deliveryId, subscription, event: eventFromMessage(event), redeliveries, attempt, replayOf }
}

function answerMessage(given: EventAnswer): MessageInitShape<typeof EventAnswerSchema> {
  const { deliveryId } = given
  switch (given.answer) {
    case 'failed':
      return { deliveryId, answer: { case: 'failed', value: { error: given.error, isFinal: given.isFinal ?? false } } }
    case 'handled':
      return { deliveryId, answer: { case: 'handled', value: {} } }
    case 'progress':
      return { deliveryId, answer: { case: 'progress', value: {} } }
    case 'released':
      return { deliveryId, answer: { case: 'released', value: { afterMs: given.afterMs ?? 0 } } }
  }
}

function outcomeFromMessage({ outcome }: AckOutcome): AnswerOutcome {
  switch (outcome.case) {
    case 'retryAfterMs':
      return { kind: 'retry', afterMs: outcome.value }
    case 'deadLetter':
      return { kind: 'dead', deadLetterId: outcome.value.deadLetterId }
    case 'stale':
      return { kind: 'stale' }
    default:
      return { kind: 'noted' }
  }
}

function groupFromMessage(message: GroupMessage): GroupState {
  const { group, pattern, floor, nodes, createTime, maxAttempts, ackMs, inOrder } = message
  if (createTime === undefined) throw new QError('internal', 'the answer has no time')
  const depths = { pending: Number(message.pending), unanswered: Number(message.unanswered) }
  return {
    group,
    pattern,
    ...depths,
    floor,
    nodes,
    createdAt: timestampFromMessage(createTime),
    maxAttempts,
    ackMs,
    inOrder,
  }
}
