import { DeadLetterReason } from '@qcore/contracts'
import { buryEvent } from './bury-event.ts'
import type { LaneOptions } from './lane.ts'
import type { AttemptRow } from './sql/attempts.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'
import { changeTurns } from './sql/turns.ts'
import { readClockUs } from './sql/unclaimed.ts'
import { hasExpired, type StreamMessage } from './stream-message.ts'

export interface TurnFacts extends Pick<LaneOptions, 'pool' | 'nodeId'> {
  readonly row: SubscriptionRow
  /** How often it was given to a node, this time included. */
  readonly handings: number
  readonly known: AttemptRow | undefined
}

/** Whether an event must not be given to a node though it is its turn: it is a dead letter, or becomes one here. */
export async function judgeTurn(message: StreamMessage, facts: TurnFacts): Promise<boolean> {
  const { pool, row, nodeId, handings, known } = facts
  const losses = handings - 1 - (known?.failures ?? 0) - (known?.releases ?? 0)
  const isDead = known?.isDead === true
  const isExpired = message.event.expireTime !== undefined && hasExpired(message, await readClockUs(pool))
  if (!isDead && !isExpired && losses < row.maxLosses) return false
  if (!isDead) {
    const death = isExpired
      ? { reason: DeadLetterReason.EXPIRED, error: 'its time was over before a node could have it' }
      : { reason: DeadLetterReason.NODE_LOST, error: `${losses} nodes that it was given to never answered` }
    await buryEvent(pool, row, { event: message.event, ...death, attempts: known?.failures ?? 0, nodeId })
  }
  const { revision, index } = message
  await changeTurns(pool, [{ subscriptionId: row.id, revision, index, handing: handings }], { isDone: true })
  return true
}
