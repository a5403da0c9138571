import { QError } from '@qcore/errors'
import { nextAfter } from './occurrences.ts'
import type { Rule } from './rule.ts'
import { parseTime, spanOfTime } from './time-value.ts'
import { ianaTimeZones } from './time-zone.ts'

/**
 * When a rule starts, in milliseconds since 1970; undefined: it has no start. Of a local time that comes twice it is the first
 * one, of a day the beginning.
 */
export function startOf({ spec }: Rule): number | undefined {
  const zone = ianaTimeZones(spec.timezone)
  if (spec.start === undefined || zone === undefined) return undefined
  return spanOfTime(parseTime(spec.start, 'start'), zone).firstMs
}

/**
 * Checks that a start which was given beside a rule is the one that it has, and that a one-time rule does not fire before.
 *
 * @param startMs milliseconds since 1970, as `parseRule` was given it
 * @param field of the start, for the error
 * @throws QError `invalid_schedule`
 */
export function checkStart(rule: Rule, startMs: number, field: string): void {
  const onceMs = rule.form.kind === 'once' ? nextAfter(rule, -Infinity) : undefined
  if (onceMs !== undefined && onceMs < startMs) {
    const at = new Date(onceMs).toISOString()
    throw new QError('invalid_schedule', `the rule fires once, at ${at}, which is before the start`, { field })
  }
  const ownMs = startOf(rule)
  if (ownMs === undefined || ownMs === Math.trunc(startMs)) return
  const own = new Date(ownMs).toISOString()
  throw new QError('invalid_schedule', `the rule says itself that it starts at ${own}; change it there`, { field })
}
