import type { StoredSchedule } from '@qcore/database'
import type { ScheduleDone } from '../record/change-list.ts'

/** States of a schedule as they are stored. */
export const scheduleStates = { active: 1, paused: 2, deleted: 4 } as const

/** States of occurrences that a commit gives them, as OccurrenceState. */
export const occurrenceStates = { skipped: 6, cancelled: 8 } as const

/** Which occurrences are withdrawn: those of the rule. */
export const comingOccurrences = { all: false, afterUs: -1 } as const
/** And those too that somebody asked for beyond the rule. */
export const allOccurrences = { all: true, afterUs: -1 } as const

/** A schedule as the commits of a group see it. */
export type ScheduleFacts = Readonly<Omit<StoredSchedule, 'definition' | 'secret'>> & {
  readonly definition: Uint8Array
  readonly secret: Uint8Array | null
}

/** What a commit does to a schedule. */
export interface ScheduleStep {
  readonly facts: ScheduleFacts
  readonly done: ScheduleDone
  readonly tags: readonly string[]
  readonly writer: string
  readonly timeUs: number
  /** Where planning begins anew; undefined: it goes on. */
  readonly plan: SchedulePlan | undefined
  /** What becomes of occurrences that have not begun; undefined: they stay. */
  readonly withdrawal: Withdrawal | undefined
}

/** What becomes of occurrences that have not begun. */
export interface Withdrawal {
  readonly state: number
  readonly reason: string
  readonly all: boolean
  /** Only of those after this time; -1: of all. */
  readonly afterUs: number
}

/** Where planning begins. */
export interface SchedulePlan {
  /** Every occurrence up to here is accounted for, or stands in `idle`. */
  readonly plannedUs: number
  /** Undefined: there is nothing to plan. */
  readonly planUs: number | undefined
  /** The occurrence to make at once. */
  readonly first: { readonly nominalUs: number; readonly dueUs: number } | undefined
  /**
   * Occurrences after `plannedUs` and up to here did not fire, for this reason. Of those that were planned by `sinceRevision`
   * or later, what is due after that fires.
   */
  readonly idle: { readonly untilUs: number; readonly reason: string; readonly sinceRevision: number } | undefined
}
