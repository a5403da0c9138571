import type { OccurrenceCause } from '@qcore/contracts'
import { countBetween, nextAfter, type Rule } from '@qcore/recurrence'
import { occurrenceCause } from '../occurrence-state.ts'
import type { ScheduleSettings } from '../schedule-settings.ts'

const usPerMs = 1_000
/** An occurrence that begins within this time is not called late. */
export const onTimeMs = 1_000

/** Whether an occurrence that is due fires, as what, or why it is missed. */
export type LateDecision =
  | { readonly fires: true; readonly cause: OccurrenceCause }
  | { readonly fires: false; readonly reason: 'policy' | 'limit' }

/**
 * Decides about an occurrence of the rule that was planned in time, and that nobody has tried yet. The same as `catchUp`
 * would, for one occurrence.
 */
export function decideLate(
  rule: () => Rule,
  { nominalUs, dueUs, nowUs }: { nominalUs: number; dueUs: number; nowUs: number },
  { catchUp: policy, catchUpLimit, graceMs }: ScheduleSettings,
): LateDecision {
  const lateMs = (nowUs - dueUs) / usPerMs
  if (lateMs <= onTimeMs) return { fires: true, cause: occurrenceCause.scheduled }
  if (lateMs <= graceMs) return { fires: true, cause: occurrenceCause.late }
  const caughtUp: LateDecision = { fires: true, cause: occurrenceCause.caughtUp }
  const atMs = nominalUs / usPerMs
  const nowMs = Math.floor(nowUs / usPerMs)
  switch (policy) {
    case 'skip':
      return { fires: false, reason: 'policy' }
    case 'last': {
      const next = nextAfter(rule(), atMs)
      return next === undefined || next > nowMs ? caughtUp : { fires: false, reason: 'policy' }
    }
    case 'all': {
      const later = countBetween(rule(), { fromMs: atMs + 1, beforeMs: nowMs + 1 })
      return later < catchUpLimit ? caughtUp : { fires: false, reason: 'limit' }
    }
    default:
      return policy satisfies never
  }
}
