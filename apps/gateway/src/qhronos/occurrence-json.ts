import { AttemptOutcome, OccurrenceState, type Attempt, type Occurrence } from '@qcore/contracts'
import { isoOf } from './event-json.ts'

const statusNames: Readonly<Record<OccurrenceState, string>> = {
  [OccurrenceState.UNSPECIFIED]: 'pending',
  [OccurrenceState.PENDING]: 'pending',
  [OccurrenceState.CLAIMED]: 'scheduled',
  [OccurrenceState.RUNNING]: 'dispatched',
  [OccurrenceState.COMPLETED]: 'completed',
  [OccurrenceState.FAILED]: 'failed',
  [OccurrenceState.SKIPPED]: 'skipped',
  [OccurrenceState.MISSED]: 'missed',
  [OccurrenceState.CANCELLED]: 'cancelled',
}

/** The states that a status of the interface stands for; undefined for a word that is none. */
export function statesOf(status: string): OccurrenceState[] | undefined {
  const states = Object.entries(statusNames).filter(([, name]) => name === status)
  const known = states.map(([state]) => Number(state) as OccurrenceState).filter((state) => state > 0)
  return known.length === 0 ? undefined : known
}

/** An occurrence as the interface shows it: every member that any version had. */
export function occurrenceJson(occurrence: Occurrence) {
  const { id, scheduleId, nominalTime, dueTime, state, attemptCount, attempts, reason, error } = occurrence
  const { startTime, endTime, createTime, lastAttempt } = occurrence
  return {
    id,
    occurrence_id: id,
    event_id: scheduleId,
    scheduled_at: isoOf(nominalTime),
    due_at: isoOf(dueTime),
    status: statusNames[state],
    reason,
    attempt_count: attemptCount,
    timestamp: isoOf(endTime ?? startTime ?? createTime),
    status_code: lastAttempt?.statusCode ?? 0,
    response_body: lastAttempt?.result ?? '',
    error_message: error,
    started_at: isoOf(startTime),
    completed_at: isoOf(endTime),
    created_at: isoOf(createTime),
    updated_at: isoOf(endTime ?? startTime ?? createTime),
    ...(attempts.length === 0 ? {} : { attempts: attempts.map(attemptJson) }),
  }
}

export type OccurrenceJson = ReturnType<typeof occurrenceJson>

const outcomeNames: Readonly<Record<AttemptOutcome, string>> = {
  [AttemptOutcome.UNSPECIFIED]: 'running',
  [AttemptOutcome.SUCCEEDED]: 'succeeded',
  [AttemptOutcome.FAILED]: 'failed',
  [AttemptOutcome.LOST]: 'lost',
}

function attemptJson({ number, startTime, endTime, outcome, statusCode, result, error }: Attempt) {
  return {
    number,
    outcome: outcomeNames[outcome],
    started_at: isoOf(startTime),
    completed_at: isoOf(endTime),
    status_code: statusCode,
    response_body: result,
    error_message: error,
  }
}
