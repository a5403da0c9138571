import { occurrenceCause, occurrenceState } from '../occurrence-state.ts'
import type { OccurrenceRow } from '../sql/occurrence-row.ts'
import type { AttemptRow } from '../sql/occurrences.ts'
import type { ScheduleRow } from '../sql/schedules.ts'
import { storedScheduleState } from './schedule-message.ts'

const usPerMs = 1_000

export interface ExplanationInput {
  readonly schedule: ScheduleRow
  readonly occurrence: OccurrenceRow | undefined
  readonly attempts: readonly AttemptRow[]
  /** Whether the present rule has the time. */
  readonly inRule: boolean
  readonly nominalUs: number
  readonly nowUs: number
}

/** Why a schedule did or did not run at a time, in a sentence or two. */
export function explanationOf(input: ExplanationInput): string {
  return input.occurrence === undefined ? withoutRow(input) : withRow(input.occurrence, input.attempts)
}

function withRow(row: OccurrenceRow, attempts: readonly AttemptRow[]): string {
  const { state, error } = row
  const tries = `${row.attempts} ${row.attempts === 1 ? 'attempt' : 'attempts'}`
  const last = attempts.at(-1)
  switch (state) {
    case occurrenceState.pending:
      return row.attempts === 0
        ? `It waits; it is due at ${timeText(row.wakeUs)}.`
        : `It was not done in ${tries} (${error}) and is tried again at ${timeText(row.wakeUs)}.`
    case occurrenceState.claimed:
      return 'A scheduler has it and is about to begin.'
    case occurrenceState.running:
      return `It is under way since ${timeText(last?.startedUs ?? row.startedUs ?? row.dueUs)}.`
    case occurrenceState.completed:
      return `It ran at ${timeText(row.startedUs ?? row.dueUs)}${causeText(row)}, and was done after ${tries}.`
    case occurrenceState.failed:
      return `It failed after ${tries}${causeText(row)}: ${failureTexts[row.reason] ?? row.reason}. ${error}`.trim()
    default:
      return `It did not run: ${reasonTexts[row.reason] ?? row.reason}.`
  }
}

function withoutRow({ schedule, inRule, nominalUs, nowUs }: ExplanationInput): string {
  if (nominalUs < schedule.createdUs)
    return `The schedule was made at ${timeText(schedule.createdUs)}, after that time.`
  if (!inRule) return 'The rule has no occurrence at that time.'
  if (schedule.state === storedScheduleState.deleted)
    return `The schedule was deleted at ${timeText(schedule.changedUs)}.`
  if (schedule.state === storedScheduleState.paused)
    return `The schedule is paused since ${timeText(schedule.changedUs)}.`
  if (schedule.disabledReason !== '') return `The schedule is disabled: ${schedule.disabledReason}.`
  if (nominalUs > nowUs) return 'It is in the future, and will be planned when its time comes near.'
  return 'What became of it is not kept any more, or is not written down yet.'
}

function causeText({ cause }: OccurrenceRow): string {
  switch (cause) {
    case occurrenceCause.late:
      return ', late but within the grace'
    case occurrenceCause.caughtUp:
      return ', caught up with'
    case occurrenceCause.manual:
      return ', as somebody asked'
    case occurrenceCause.backfilled:
      return ', in a backfill'
    case occurrenceCause.replayed:
      return ', replayed from the dead letters'
    default:
      return ''
  }
}

const failureTexts: Readonly<Record<string, string>> = {
  attempts: 'no attempt is left',
  refused: 'trying again is of no use',
  gone: 'the receiver wants no more',
}

const reasonTexts: Readonly<Record<string, string>> = {
  policy: 'it was late, and the policy for catching up leaves it out',
  limit: 'it was late, and more had come due than are caught up with',
  paused: 'the schedule was paused',
  disabled: 'the schedule was disabled',
  deleted: 'the schedule was deleted',
  changed: 'the rule of the schedule was changed',
  overlap: 'an earlier one was not over',
  by_hand: 'somebody cancelled it',
  replaced: 'a later one took its place',
}

function timeText(us: number): string {
  return new Date(us / usPerMs).toISOString()
}
