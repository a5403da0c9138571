import { setTimeout as delay } from 'node:timers/promises'
import { DeadLetterReason } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { buryEvent } from './bury-event.ts'
import { keyOf } from './lane.ts'
import { countReleases, loadAttempts, type AttemptRow } from './sql/attempts.ts'
import { comparePlaces, type SubscriptionRow } from './sql/subscription-row.ts'
import { hasExpired, type StreamMessage } from './stream-message.ts'
import { readClockUs } from './sql/unclaimed.ts'

/** The clocks of PostgreSQL and of the writer that follows it differ by less. */
const clockSlackUs = 5_000_000
const retryMs = 500
/** A message that waited for so much of its time for an answer was, or will be, given to another node. */
const staleAfter = 0.8

export interface SortingContext {
  readonly pool: Executor
  readonly nodeId: string
  readonly logger: Logger
  readonly signal: AbortSignal
}

export interface SortedMessages {
  /** To be handed to the node, in order. */
  readonly handed: readonly { readonly message: StreamMessage; readonly attempt: number }[]
  /** Of which nothing is to be done any more. */
  readonly done: readonly StreamMessage[]
}

/**
 * Sorts out what must not be handed to a node: what was handled before the consumer was made anew, what is a dead letter, what
 * was lost with nodes too often. A promise only if there is something to be asked.
 */
export function sortMessages(
  messages: readonly StreamMessage[],
  row: SubscriptionRow,
  context: SortingContext,
): SortedMessages | Promise<SortedMessages> {
  const doubtful = messages.filter(
    ({ delivered, emittedUs, expiresUs }) =>
      delivered > 1 || emittedUs < row.consumerUs + clockSlackUs || expiresUs !== null,
  )
  if (doubtful.length > 0) return sortWithAttempts(messages, doubtful, { ...context, row })
  return { handed: messages.map((message) => ({ message, attempt: 1 })), done: [] }
}

async function sortWithAttempts(
  messages: readonly StreamMessage[],
  doubtful: readonly StreamMessage[],
  context: SortingContext & { readonly row: SubscriptionRow },
): Promise<SortedMessages> {
  const { row, signal, logger } = context
  for (;;) {
    try {
      return await judgeAll(messages, doubtful, context)
    } catch (error) {
      if (signal.aborted) return { handed: [], done: [] }
      logger.warn({ err: error, subscription: row.id }, 'cannot ask what is known of events yet')
      await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

async function judgeAll(
  messages: readonly StreamMessage[],
  doubtful: readonly StreamMessage[],
  context: SortingContext & { readonly row: SubscriptionRow },
): Promise<SortedMessages> {
  const { pool, row } = context
  const attempts = new Map<string, AttemptRow>()
  for (const attempt of await loadAttempts(pool, row.id, doubtful)) attempts.set(keyOf(attempt), attempt)
  // The clock that said when events expire.
  const nowUs = messages.some(({ expiresUs }) => expiresUs !== null) ? await readClockUs(pool) : 0
  const handed: { message: StreamMessage; attempt: number }[] = []
  const done: StreamMessage[] = []
  const stale: StreamMessage[] = []
  for (const message of messages) {
    const known = attempts.get(keyOf(message))
    if (isHandled(message, row) || known?.isDead === true || known?.isHandled === true) done.push(message)
    else if (performance.now() - message.arrivedAt > row.ackMs * staleAfter) stale.push(message)
    else if (hasExpired(message, nowUs)) {
      await buryExpired(message, known, context)
      done.push(message)
    } else if (lossesOf(message, known) >= row.maxLosses) {
      await buryLost(message, known, context)
      done.push(message)
    } else handed.push({ message, attempt: (known?.failures ?? 0) + 1 })
  }
  if (stale.length > 0)
    await countReleases(
      pool,
      stale.map((message) => releaseOf(message, row)),
    )
  return { handed, done }
}

function isHandled(message: StreamMessage, { floorRevision, floorIndex }: SubscriptionRow): boolean {
  return comparePlaces(message, { revision: floorRevision, index: floorIndex }) <= 0
}

/** How often a message was given to nodes that never answered. */
function lossesOf({ delivered }: StreamMessage, known: AttemptRow | undefined): number {
  return delivered - 1 - (known?.failures ?? 0) - (known?.releases ?? 0)
}

function buryExpired(
  message: StreamMessage,
  known: AttemptRow | undefined,
  { pool, row, nodeId }: SortingContext & { readonly row: SubscriptionRow },
): Promise<unknown> {
  return buryEvent(pool, row, {
    event: message.event,
    reason: DeadLetterReason.EXPIRED,
    error: 'its time was over before a node could have it',
    attempts: known?.failures ?? 0,
    nodeId,
  })
}

function buryLost(
  message: StreamMessage,
  known: AttemptRow | undefined,
  { pool, row, nodeId }: SortingContext & { readonly row: SubscriptionRow },
): Promise<unknown> {
  return buryEvent(pool, row, {
    event: message.event,
    reason: DeadLetterReason.NODE_LOST,
    error: `${lossesOf(message, known)} nodes that it was given to never answered`,
    attempts: known?.failures ?? 0,
    nodeId,
  })
}

function releaseOf({ revision, index, answer }: StreamMessage, { id }: SubscriptionRow) {
  return { subscriptionId: id, revision, index, answer }
}
