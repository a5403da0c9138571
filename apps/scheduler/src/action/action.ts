import type { Action as ActionMessage } from '@qcore/contracts'
import type { ClaimedRow } from '../sql/claim-occurrences.ts'
import type { ScheduleSettings } from '../schedule-settings.ts'

/** An attempt that has begun: what an action is told. */
export interface Occasion {
  readonly occurrence: ClaimedRow
  readonly settings: ScheduleSettings
  /** The number of the attempt, from 1. */
  readonly attempt: number
  /** When it began, in microseconds since 1970, on PostgreSQL's clock: that of this machine may be wrong. */
  readonly startedUs: number
  /** When it must be over, on the clock of `performance.now()`. */
  readonly deadlineAt: number
}

/** How an attempt went. */
export type ActionOutcome =
  | { readonly kind: 'done'; readonly statusCode?: number; readonly result?: string }
  | {
      readonly kind: 'failed'
      readonly error: string
      readonly statusCode?: number
      readonly result?: string
      /** It is not tried again sooner. */
      readonly retryAfterMs?: number
      /** `refused`: trying again is of no use. `gone`: and the schedule should not fire any more. */
      readonly finally?: 'refused' | 'gone'
    }
  /** The platform itself was not there: the attempt does not count. */
  | {
      readonly kind: 'postponed'
      readonly error: string
      /** Whether it may have been done. Then it is tried again whatever becomes of the schedule, to find out. */
      readonly inDoubt: boolean
    }

/** Carries out actions of one kind. Never rejects, but when the signal is aborted. */
export interface ActionRunner {
  run(occasion: Occasion, signal: AbortSignal): Promise<ActionOutcome>
}

export type ActionCase = Exclude<ActionMessage['kind']['case'], undefined>
