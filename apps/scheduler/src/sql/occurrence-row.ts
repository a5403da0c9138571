import type { AttemptOutcome, OccurrenceCause, OccurrenceState } from '@qcore/contracts'
import type { OccurrenceReason } from '../occurrence-state.ts'

/** An occurrence as it is stored. Times are microseconds since 1970. */
export interface OccurrenceRow {
  id: string
  scheduleId: string
  nominalUs: number
  dueUs: number
  state: OccurrenceState
  cause: OccurrenceCause
  reason: OccurrenceReason
  wakeUs: number
  attempts: number
  tries: number
  run: number
  scheduleRevision: number
  createdUs: number
  startedUs: number | null
  endedUs: number | null
  error: string
  size: number
  lastNominalUs: number
  /** When the newest attempt began; null: none was begun, or by a scheduler of long ago. */
  attemptUs: number | null
  attemptEndedUs: number | null
  attemptOutcome: AttemptOutcome
  attemptStatusCode: number
  attemptResult: string
  attemptError: string
  attemptScheduler: string
}

/** The columns of an occurrence. */
export function occurrenceColumns(table: string): string {
  return `
    ${table}.id, ${table}.schedule_id as "scheduleId", ${table}.nominal_us as "nominalUs", ${table}.due_us as "dueUs",
    ${table}.state, ${table}.cause, ${table}.reason, ${table}.wake_us as "wakeUs", ${table}.attempts, ${table}.tries,
    ${table}.run, ${table}.schedule_revision as "scheduleRevision", ${table}.created_us as "createdUs",
    ${table}.started_us as "startedUs", ${table}.ended_us as "endedUs", ${table}.error, ${table}.size,
    ${table}.last_nominal_us as "lastNominalUs", ${table}.attempt_us as "attemptUs",
    ${table}.attempt_ended_us as "attemptEndedUs", ${table}.attempt_outcome as "attemptOutcome",
    ${table}.attempt_status_code as "attemptStatusCode", ${table}.attempt_result as "attemptResult",
    ${table}.attempt_error as "attemptError", ${table}.attempt_scheduler as "attemptScheduler"`
}
