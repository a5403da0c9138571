import { OccurrenceCause, OccurrenceState } from '@qcore/contracts'

/** States of an occurrence, as they are stored. */
export const occurrenceState = {
  pending: OccurrenceState.PENDING,
  claimed: OccurrenceState.CLAIMED,
  running: OccurrenceState.RUNNING,
  completed: OccurrenceState.COMPLETED,
  failed: OccurrenceState.FAILED,
  skipped: OccurrenceState.SKIPPED,
  missed: OccurrenceState.MISSED,
  cancelled: OccurrenceState.CANCELLED,
} as const

/** Why an occurrence fires, as it is stored. */
export const occurrenceCause = {
  scheduled: OccurrenceCause.SCHEDULED,
  late: OccurrenceCause.LATE,
  caughtUp: OccurrenceCause.CAUGHT_UP,
  manual: OccurrenceCause.MANUAL,
  backfilled: OccurrenceCause.BACKFILLED,
  replayed: OccurrenceCause.REPLAYED,
} as const

/** Why an occurrence is in its state. */
export type OccurrenceReason =
  | ''
  | 'policy'
  | 'limit'
  | 'paused'
  | 'deleted'
  | 'changed'
  | 'disabled'
  | 'overlap'
  | 'target'
  | 'by_hand'
  | 'attempts'
  | 'refused'
  | 'gone'
  | 'replaced'
