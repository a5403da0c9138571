import { dueAt, nextAfter, type Rule } from '@qcore/recurrence'
import type { ScheduleFacts, SchedulePlan } from './schedule-facts.ts'

const usPerMs = 1_000

/** Where planning begins for a rule that is new: with its first occurrence from now on; one time of the past is caught up with. */
export function planFrom(rule: Rule, scheduleId: string, nowUs: number): SchedulePlan {
  const nowMs = Math.floor(nowUs / usPerMs)
  const atMs = rule.form.kind === 'once' ? nextAfter(rule, -Infinity) : nextAfter(rule, nowMs)
  if (atMs === undefined) return { plannedUs: nowUs, planUs: undefined, first: undefined, idle: undefined }
  const nominalUs = atMs * usPerMs
  const first = { nominalUs, dueUs: dueAt(rule, scheduleId, atMs) * usPerMs }
  const isLast = nextAfter(rule, atMs) === undefined
  return { plannedUs: nominalUs, planUs: isLast ? undefined : nominalUs, first, idle: undefined }
}

/** Where planning will begin for a rule that is new and does not fire yet: before its first occurrence. */
export function planWhenIdle(rule: Rule, scheduleId: string, nowUs: number): SchedulePlan {
  const { first } = planFrom(rule, scheduleId, nowUs)
  const plannedUs = first === undefined ? nowUs : Math.min(nowUs, first.nominalUs - 1)
  return { plannedUs, planUs: undefined, first: undefined, idle: undefined }
}

/** Where the planning of a schedule goes on that stood still: what was due meanwhile did not fire. */
export function planAfterIdle(
  rule: Rule,
  scheduleId: string,
  { nowUs, before, reason }: { nowUs: number; before: ScheduleFacts; reason: string },
): SchedulePlan {
  const { plannedUs, planRevision: sinceRevision } = before
  const { first, planUs } = planFrom(rule, scheduleId, nowUs)
  const from = Math.min(plannedUs, nowUs)
  const isOver = first === undefined || first.nominalUs <= nowUs
  return {
    plannedUs: from,
    // What did not fire has to be written down, even if nothing follows.
    planUs: planUs ?? from,
    first: isOver ? undefined : first,
    idle: { untilUs: nowUs, reason, sinceRevision },
  }
}
