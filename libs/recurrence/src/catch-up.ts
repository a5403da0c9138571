import { QError } from '@qcore/errors'
import { between, countBetween, nextAfter, previousBefore, type Window } from './occurrences.ts'
import type { Rule } from './rule.ts'

/** What happens to occurrences that came due while nobody could fire them: none, the last one, or all of them. */
export type CatchUpPolicy = 'skip' | 'last' | 'all'

export interface CatchUpRequest {
  rule: Rule
  /** The last occurrence that is accounted for, or the moment from which on the schedule counts. */
  lastPlannedMs: number
  nowMs: number
  policy: CatchUpPolicy
  /** An occurrence that is at most so late is not missed: it fires under every policy. */
  graceMs: number
  /** The most occurrences that fire at once. The newest ones do. */
  limit: number
}

/** An occurrence that fires now. */
export interface DueOccurrence {
  atMs: number
  /** `late`: within the grace. `caught_up`: by the policy. */
  as: 'late' | 'caught_up'
}

/** Occurrences that do not fire: all those of the rule in a span of time. */
export interface MissedOccurrences extends Window {
  count: number
  /** `policy`: the policy leaves them out. `limit`: they would fire if fewer had come due. */
  reason: 'policy' | 'limit'
}

/** Every occurrence in (lastPlannedMs, nowMs] is in `fire` or counted in `missed`, once. */
export interface CatchUp {
  /** In order. */
  fire: readonly DueOccurrence[]
  /** In order, apart, without empty ones. `between` lists their occurrences. */
  missed: readonly MissedOccurrences[]
  /** The next occurrence after now; undefined after the last one. */
  nextMs: number | undefined
}

/** What is to be done about the occurrences that came due since a moment. The missed ones are counted, not listed. */
export function catchUp(request: CatchUpRequest): CatchUp {
  const { rule, lastPlannedMs, nowMs, graceMs, limit } = request
  if (!Number.isInteger(limit) || limit < 1)
    throw new QError('invalid_request', 'limit: less than 1', { field: 'limit' })
  const due: Window = { fromMs: lastPlannedMs + 1, beforeMs: Math.max(nowMs, lastPlannedMs) + 1 }
  const graceFromMs = Math.min(Math.max(due.fromMs, nowMs - Math.max(graceMs, 0)), due.beforeMs)
  const wantedFromMs = wantedFrom(request, due, graceFromMs)
  const fireFromMs = newest(rule, { fromMs: wantedFromMs, beforeMs: due.beforeMs }, limit)
  const fire = between(rule, { fromMs: fireFromMs, beforeMs: due.beforeMs }, limit)
  const missed: MissedOccurrences[] = []
  for (const [fromMs, beforeMs, reason] of [
    [due.fromMs, wantedFromMs, 'policy'],
    [wantedFromMs, fireFromMs, 'limit'],
  ] as const) {
    const count = fromMs < beforeMs ? countBetween(rule, { fromMs, beforeMs }) : 0
    if (count > 0) missed.push({ fromMs, beforeMs, count, reason })
  }
  return {
    fire: fire.map((atMs) => ({ atMs, as: atMs >= graceFromMs ? 'late' : 'caught_up' })),
    missed,
    nextMs: nextAfter(rule, due.beforeMs - 1),
  }
}

/** From where on occurrences fire, but for the limit. */
function wantedFrom({ rule, policy }: CatchUpRequest, due: Window, graceFromMs: number): number {
  if (policy === 'all') return due.fromMs
  if (policy === 'skip') return graceFromMs
  // The last one is caught up with, unless it fires anyway.
  const last = previousBefore(rule, due.beforeMs)
  return last === undefined || last < due.fromMs ? graceFromMs : Math.min(last, graceFromMs)
}

/** From where on at most `limit` occurrences remain. */
function newest(rule: Rule, window: Window, limit: number): number {
  let from = window.beforeMs
  for (let taken = 0; taken < limit; taken++) {
    const at = previousBefore(rule, from)
    if (at === undefined || at < window.fromMs) return window.fromMs
    from = at
  }
  return from
}
