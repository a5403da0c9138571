import { between, catchUp, countBetween, dueAt, nextAfter, type Rule, type Window } from '@qcore/recurrence'
import type { ScheduleSettings } from '../schedule-settings.ts'
import { occurrenceCause, occurrenceState, type OccurrenceReason } from '../occurrence-state.ts'

const usPerMs = 1_000
/** Rows that are made ahead of time for one schedule, at most. */
const mostAhead = 100
/** Of those that do not fire, so many have a row each; older ones stand in one row together. */
const mostListed = 1_000

/** What planning knows of a schedule. */
export interface ScheduleToPlan {
  readonly id: string
  /** Occurrences up to here have their rows. */
  readonly plannedUs: number
  /** Occurrences up to here did not fire. */
  readonly idleUntilUs: number
  readonly idleReason: string
}

/** A row of the ledger that planning makes. */
export interface PlannedOccurrence {
  readonly nominalUs: number
  readonly lastNominalUs: number
  readonly size: number
  readonly dueUs: number
  readonly state: number
  readonly cause: number
  readonly reason: OccurrenceReason
}

export interface SchedulePlan {
  readonly rows: readonly PlannedOccurrence[]
  /** Every occurrence up to here has its row. */
  readonly plannedUs: number
  /** Whether none is left. */
  readonly isExhausted: boolean
}

/**
 * The next occurrences of a schedule, up to a horizon and at least one; and what becomes of those that came due without
 * having been planned. Every occurrence of the rule after `plannedUs` and up to the new one is in one row.
 */
export function planSchedule(
  rule: Rule,
  schedule: ScheduleToPlan,
  { settings, nowUs, horizonUs }: { settings: ScheduleSettings; nowUs: number; horizonUs: number },
): SchedulePlan {
  const rows = planDue(rule, schedule, { settings, untilUs: nowUs })
  let plannedMs = Math.floor(Math.max(schedule.plannedUs, nowUs) / usPerMs)
  const horizonMs = Math.ceil(horizonUs / usPerMs)
  for (let ahead = 0; ahead < mostAhead; ahead++) {
    const atMs = nextAfter(rule, plannedMs)
    if (atMs === undefined) return { rows, plannedUs: plannedMs * usPerMs, isExhausted: true }
    if (ahead > 0 && atMs > horizonMs) break
    rows.push(pending(rule, schedule.id, atMs, occurrenceCause.scheduled))
    plannedMs = atMs
  }
  return { rows, plannedUs: plannedMs * usPerMs, isExhausted: nextAfter(rule, plannedMs) === undefined }
}

/** What becomes of the occurrences of a rule after `plannedUs` and up to a time that has come, each of them in one row. */
export function planDue(
  rule: Rule,
  schedule: ScheduleToPlan,
  { settings, untilUs }: { settings: ScheduleSettings; untilUs: number },
): PlannedOccurrence[] {
  const rows: PlannedOccurrence[] = []
  const nowMs = Math.floor(untilUs / usPerMs)
  let plannedMs = Math.floor(schedule.plannedUs / usPerMs)
  const idleMs = Math.min(Math.floor(schedule.idleUntilUs / usPerMs), nowMs)
  if (idleMs > plannedMs) {
    addUnfired(rows, rule, { fromMs: plannedMs + 1, beforeMs: idleMs + 1, ...becauseIdle(schedule.idleReason) })
    plannedMs = idleMs
  }
  if (plannedMs < nowMs) addDue(rows, rule, { schedule, settings, nowMs, plannedMs })
  return rows
}

function becauseIdle(reason: string): { state: number; reason: OccurrenceReason } {
  if (reason === 'deleted') return { state: occurrenceState.cancelled, reason }
  return { state: occurrenceState.skipped, reason: reason === 'disabled' ? reason : 'paused' }
}

function addDue(
  rows: PlannedOccurrence[],
  rule: Rule,
  {
    schedule,
    settings,
    nowMs,
    plannedMs,
  }: { schedule: ScheduleToPlan; settings: ScheduleSettings; nowMs: number; plannedMs: number },
): void {
  const { catchUp: policy, catchUpLimit: limit, graceMs } = settings
  const { fire, missed } = catchUp({ rule, lastPlannedMs: plannedMs, nowMs, policy, graceMs, limit })
  for (const { fromMs, beforeMs, reason } of missed) {
    addUnfired(rows, rule, { fromMs, beforeMs, state: occurrenceState.missed, reason })
  }
  for (const { atMs, as } of fire) {
    rows.push(pending(rule, schedule.id, atMs, as === 'late' ? occurrenceCause.late : occurrenceCause.caughtUp))
  }
}

function pending(rule: Rule, scheduleId: string, atMs: number, cause: number): PlannedOccurrence {
  const nominalUs = atMs * usPerMs
  const dueUs = dueAt(rule, scheduleId, atMs) * usPerMs
  return { nominalUs, lastNominalUs: nominalUs, size: 1, dueUs, state: occurrenceState.pending, cause, reason: '' }
}

/** Adds rows for occurrences that do not fire: the newest ones each, the others as one. */
function addUnfired(
  rows: PlannedOccurrence[],
  rule: Rule,
  { fromMs, beforeMs, state, reason }: Window & { state: number; reason: OccurrenceReason },
): void {
  const count = countBetween(rule, { fromMs, beforeMs })
  const ended = { state, cause: occurrenceCause.scheduled, reason }
  let listedFromMs = fromMs
  if (count > mostListed) {
    listedFromMs = listedFrom(rule, { fromMs, beforeMs }, count - mostListed)
    const [firstMs = fromMs] = between(rule, { fromMs, beforeMs }, 1)
    const lastMs = lastBefore(rule, { fromMs, beforeMs: listedFromMs })
    const size = countBetween(rule, { fromMs, beforeMs: listedFromMs })
    const nominalUs = firstMs * usPerMs
    rows.push({ ...ended, nominalUs, lastNominalUs: lastMs * usPerMs, size, dueUs: nominalUs })
  }
  for (const atMs of between(rule, { fromMs: listedFromMs, beforeMs }, mostListed)) {
    const nominalUs = atMs * usPerMs
    rows.push({ ...ended, nominalUs, lastNominalUs: nominalUs, size: 1, dueUs: nominalUs })
  }
}

/** The first moment that has `before` occurrences of the window before it. */
function listedFrom(rule: Rule, { fromMs, beforeMs }: Window, before: number): number {
  let low = fromMs
  let high = beforeMs
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (countBetween(rule, { fromMs, beforeMs: middle }) < before) low = middle + 1
    else high = middle
  }
  return low
}

function lastBefore(rule: Rule, { fromMs, beforeMs }: Window): number {
  return rule.moments.previous(beforeMs) ?? fromMs
}
