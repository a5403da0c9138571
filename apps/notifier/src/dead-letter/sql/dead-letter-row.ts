import type { DeadLetterReason, DeadLetterState } from '@qcore/contracts'
import type { EventFacts } from '@qcore/model'

/** States of a dead letter: those of DeadLetterState. */
export const deadState = 1
export const replayingState = 2
export const replayedState = 3

/** A dead letter, with the event that it was. */
export interface DeadLetterRow extends EventFacts {
  readonly id: number
  readonly group: string
  readonly eventId: string
  readonly reason: DeadLetterReason
  readonly error: string
  readonly fingerprint: string
  readonly attempts: number
  readonly nodeId: string
  readonly diedUs: number
  readonly state: DeadLetterState
  readonly replays: number
  readonly replayAction: number
  readonly claims: number
  readonly replayedUs: number | null
  /** Of an occurrence of a schedule; null: it is an event. */
  readonly scheduleId: string | null
  readonly occurrenceId: string | null
}

export const deadLetterColumns = `
  dead_letter.id, dead_letter.namespace, dead_letter.group_name as "group", dead_letter.event_id as "eventId",
  coalesce(dead_letter.revision, 0) as revision, coalesce(dead_letter.event_index, 0) as index, dead_letter.emitted_us as "emittedUs", dead_letter.type,
  dead_letter.payload, dead_letter.producer, dead_letter.correlation_id as "correlationId", dead_letter.order_key as "orderKey", dead_letter.attributes, dead_letter.writer,
  null as "expiresUs", null as "idRevision", null as "idIndex", null as "acceptedUs", null as "dueUs",
  dead_letter.reason, dead_letter.error, dead_letter.fingerprint, dead_letter.attempts, dead_letter.node_id as "nodeId",
  (extract(epoch from dead_letter.died_at) * 1000000)::bigint as "diedUs", dead_letter.state, dead_letter.replays,
  dead_letter.replay_action as "replayAction", dead_letter.claims,
  (extract(epoch from dead_letter.replayed_at) * 1000000)::bigint as "replayedUs",
  dead_letter.schedule_id as "scheduleId", dead_letter.occurrence_id as "occurrenceId"`
