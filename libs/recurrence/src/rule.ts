import type { ClockPolicy, FoldPolicy, GapPolicy } from './clock-sequence.ts'
import type { InstantSequence } from './instant-sequence.ts'
import type { CronParts } from './parse-cron.ts'
import type { RecurrenceParts } from './recurrence-parts.ts'

/** What a rule does about days that a month lacks: there is no occurrence, or it is on the month's last day. */
export type MonthEndPolicy = 'skip' | 'last'

/**
 * A rule as JSON, with everything filled in: what to store, since `parseRule` reads it as the same rule without any options.
 * Exactly one of the first four is there.
 */
export interface RuleSpec {
  at?: string
  cron?: string
  rrule?: string
  every?: string
  /** The moment that an interval is counted from. */
  anchor?: string
  timezone: string
  start?: string
  /** Inclusive; a date means all of that day. */
  end?: string
  count?: number
  exclude?: readonly string[]
  include?: readonly string[]
  jitter?: string
  gap: GapPolicy
  fold: FoldPolicy
  month_end: MonthEndPolicy
}

/** What repeats, before start, end and exclusions. */
export type RuleForm =
  | { kind: 'once' }
  | { kind: 'cron'; cron: CronParts }
  | { kind: 'recurrence'; parts: RecurrenceParts }
  | { kind: 'interval'; everyMs: number }

/** A rule that was read and checked: at least one moment belongs to it. */
export interface Rule {
  readonly spec: RuleSpec
  readonly form: RuleForm
  readonly policy: ClockPolicy & { readonly monthEnd: MonthEndPolicy }
  /** The most that an occurrence may be put off; 0 for none. */
  readonly jitterMs: number
  readonly moments: InstantSequence
}
