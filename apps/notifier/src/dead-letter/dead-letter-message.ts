import { create, fromBinary } from '@bufbuild/protobuf'
import {
  DeadLetterActionSchema,
  DeadLetterFilterSchema,
  DeadLetterKindSchema,
  DeadLetterSchema,
  type DeadLetter,
  type DeadLetterAction,
  type DeadLetterKind,
  type Event,
} from '@qcore/contracts'
import { messageFromEvent, timestampFromMicros } from '@qcore/model'
import type { ActionRow } from './sql/act-on-dead-letters.ts'
import type { DeadLetterRow } from './sql/dead-letter-row.ts'
import type { DeadLetterKindRow } from './sql/search-dead-letters.ts'

/** The event of a dead letter, as it was emitted. An occurrence has no place among events. */
function eventOf(row: DeadLetterRow): Event {
  const event = Object.assign(messageFromEvent(row), { id: row.eventId })
  return row.occurrenceId === null ? event : Object.assign(event, { position: '' })
}

/** The event of a dead letter that is replayed: as it was, with an id of its own. */
export function replayedEvent(row: DeadLetterRow): Event {
  return Object.assign(messageFromEvent(row), { id: `${row.eventId}~${row.replays}` })
}

export function deadLetterMessage(row: DeadLetterRow): DeadLetter {
  const { group, reason, error, fingerprint, attempts, nodeId, diedUs, state, replays, replayAction, replayedUs } = row
  const letter = create(DeadLetterSchema, { group, error, fingerprint, attempts, nodeId, replays, reason, state })
  letter.deadLetterId = String(row.id)
  letter.event = eventOf(row)
  letter.deathTime = timestampFromMicros(diedUs)
  if (replays > 0) {
    letter.replayActionId = String(replayAction)
    if (row.occurrenceId === null) letter.replayEventId = replayedEvent(row).id
  }
  letter.scheduleId = row.scheduleId ?? ''
  letter.occurrenceId = row.occurrenceId ?? ''
  if (replayedUs !== null) letter.replayTime = timestampFromMicros(replayedUs)
  return letter
}

export function deadLetterKindMessage(row: DeadLetterKindRow): DeadLetterKind {
  const { fingerprint, group, type, reason, error, count, firstUs, lastUs } = row
  return create(DeadLetterKindSchema, {
    fingerprint,
    group,
    type,
    reason,
    error,
    count: BigInt(count),
    firstTime: timestampFromMicros(firstUs),
    lastTime: timestampFromMicros(lastUs),
  })
}

export function actionMessage({ id, kind, subject, actedUs, filter, count }: ActionRow): DeadLetterAction {
  return create(DeadLetterActionSchema, {
    actionId: String(id),
    kind,
    subject,
    actionTime: timestampFromMicros(actedUs),
    filter: fromBinary(DeadLetterFilterSchema, filter),
    count: BigInt(count),
  })
}
