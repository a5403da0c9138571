import type { OccurrenceCause, OccurrenceState } from '@qcore/contracts'
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
}

/** The columns of an occurrence. */
export function occurrenceColumns(table: string): string {
  return `
    ${table}.id, ${table}.schedule_id as "scheduleId", ${table}.nominal_us as "nominalUs", ${table}.due_us as "dueUs",
    ${table}.state, ${table}.cause, ${table}.reason, ${table}.wake_us as "wakeUs", ${table}.attempts, ${table}.tries,
    ${table}.run, ${table}.schedule_revision as "scheduleRevision", ${table}.created_us as "createdUs",
    ${table}.started_us as "startedUs", ${table}.ended_us as "endedUs", ${table}.error, ${table}.size,
    ${table}.last_nominal_us as "lastNominalUs"`
}
