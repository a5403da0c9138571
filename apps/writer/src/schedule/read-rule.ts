import type { Timestamp } from '@bufbuild/protobuf/wkt'
import type { PutSchedule } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { microsFromTimestamp } from '@qcore/model'
import { parseRule, type Rule } from '@qcore/recurrence'

/**
 * Reads the rule of a schedule: text, or a JSON object.
 *
 * @param path where the schedule is in the request
 * @param startMs the start of a rule that needs one, if the schedule says none
 * @throws QError `invalid_schedule`, `schedule_never_fires`
 */
export function readRule(
  { rule, timezone, startTime }: Pick<PutSchedule, 'rule' | 'timezone' | 'startTime'>,
  path: string,
  startMs: number,
): Rule {
  const zone = timezone === '' ? {} : { timezone }
  const start = startTime === undefined ? {} : { startMs: msFromTimestamp(startTime, `${path}.start_time`) }
  return atRule(path, () => {
    const input = inputOf(rule)
    try {
      return parseRule(input, { ...zone, ...start })
    } catch (error) {
      // Only recurrences need a start; intervals are counted from it if there is one.
      if (!isQError(error, 'invalid_schedule') || error.field !== 'start') throw error
      return parseRule(input, { startMs, ...zone, ...start })
    }
  })
}

/**
 * A time in whole milliseconds since 1970.
 *
 * @throws QError `value_out_of_range`
 */
export function msFromTimestamp(time: Timestamp, field: string): number {
  return Number(microsFromTimestamp(time, field) / 1_000n)
}

/** What is done with the rule of a schedule; an error names the part of the request. */
export function atRule<T>(path: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (!isQError(error)) throw error
    const { code, message, field, metadata } = error
    throw new QError(code, message, { field: `${path}.rule${field === '' ? '' : `.${field}`}`, metadata, cause: error })
  }
}

function inputOf(rule: string): unknown {
  const text = rule.trim()
  if (!text.startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new QError('invalid_schedule', 'the rule begins as a JSON object and is none', { cause: error })
  }
}

/** A rule as it is stored: with everything filled in. */
export function readRuleSpec(spec: string): Rule {
  return parseRule(JSON.parse(spec))
}
