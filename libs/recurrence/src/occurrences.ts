import { QError } from '@qcore/errors'
import type { Rule } from './rule.ts'
import { earliestMs, latestMs } from './rule-moments.ts'

/** The first occurrence after a moment, in milliseconds since 1970; undefined after the last one. */
export function nextAfter(rule: Rule, atMs: number): number | undefined {
  checkMoment(atMs, 'at')
  return rule.moments.next(clamp(Math.floor(atMs) + 1))
}

/** The last occurrence before a moment; undefined before the first one. */
export function previousBefore(rule: Rule, atMs: number): number | undefined {
  checkMoment(atMs, 'at')
  return rule.moments.previous(clamp(Math.ceil(atMs)))
}

/** Whether a moment is an occurrence. */
export function isOccurrence(rule: Rule, atMs: number): boolean {
  checkMoment(atMs, 'at')
  return rule.moments.next(clamp(atMs)) === atMs
}

/** A span of time: `fromMs` belongs to it, `beforeMs` does not. */
export interface Window {
  fromMs: number
  beforeMs: number
}

/** The occurrences in a span of time, in order, the first `limit` of them. */
export function between(rule: Rule, window: Window, limit: number): number[] {
  checkWindow(window)
  if (!Number.isInteger(limit) || limit < 0) throw new QError('invalid_request', 'limit: no count', { field: 'limit' })
  const found: number[] = []
  for (const at of occurrences(rule, window.fromMs)) {
    if (at >= window.beforeMs || found.length >= limit) break
    found.push(at)
  }
  return found
}

/** How many occurrences a span of time has. They are counted, not listed. */
export function countBetween(rule: Rule, window: Window): number {
  checkWindow(window)
  return rule.moments.count(clamp(Math.ceil(window.fromMs)), clamp(Math.ceil(window.beforeMs)))
}

/** All occurrences from a moment on, in order. Two runs give the same ones. */
export function* occurrences(rule: Rule, fromMs: number): Generator<number, undefined> {
  checkMoment(fromMs, 'from')
  for (let from = clamp(Math.ceil(fromMs)); ;) {
    const at = rule.moments.next(from)
    if (at === undefined) return undefined
    yield at
    from = at + 1
  }
}

function clamp(atMs: number): number {
  return Math.min(Math.max(atMs, earliestMs), latestMs)
}

function checkMoment(atMs: number, field: string): void {
  if (Number.isNaN(atMs)) throw new QError('invalid_request', `${field}: no moment`, { field })
}

function checkWindow({ fromMs, beforeMs }: Window): void {
  checkMoment(fromMs, 'from')
  checkMoment(beforeMs, 'before')
}
