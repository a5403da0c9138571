import fc from 'fast-check'
import { isQError } from '@qcore/errors'
import { describe, expect, it } from 'vitest'
import {
  between,
  countBetween,
  isOccurrence,
  nextAfter,
  occurrences,
  parseRule,
  previousBefore,
  type Rule,
} from '@qcore/recurrence'
import { ms } from './_moments.ts'
import { arbitraryInput } from './_arbitrary-rule.ts'

const mostPerRule = 100
const beginMs = ms('2024-01-01T00:00Z')
const spanMs = 3 * 366 * 86_400_000

/** A rule, or none for an input that never fires. */
function ruleOf(input: unknown): Rule | undefined {
  try {
    return parseRule(input)
  } catch (error) {
    if (isQError(error, 'schedule_never_fires')) return undefined
    throw error
  }
}

/** Checks a property of rules and of moments near their occurrences. */
function holds(check: (rule: Rule, moments: readonly number[]) => void): void {
  const offset = fc.integer({ min: 0, max: spanMs })
  fc.assert(
    fc.property(arbitraryInput, fc.array(offset, { minLength: 3, maxLength: 3 }), (input, offsets) => {
      const rule = ruleOf(input)
      if (rule === undefined) return
      const moments = offsets.map((item, index) => {
        const atMs = beginMs + item
        const occurrence = nextAfter(rule, atMs)
        return index === 0 && occurrence !== undefined ? occurrence : atMs
      })
      check(
        rule,
        moments.sort((a, b) => a - b),
      )
    }),
    { numRuns: 100 },
  )
}

describe('every rule', () => {
  it('has its occurrences in order, each once, within the window', () => {
    holds((rule, [from = 0, , before = 0]) => {
      const found = between(rule, { fromMs: from, beforeMs: before }, mostPerRule)
      for (const [index, at] of found.entries()) {
        expect(at).toBeGreaterThan(found[index - 1] ?? from - 1)
        expect(at).toBeLessThan(before)
        expect(isOccurrence(rule, at)).toBe(true)
      }
    })
  })

  it('has the same occurrences in a window as in its two halves', () => {
    holds((rule, [a = 0, b = 0, c = 0]) => {
      const left = between(rule, { fromMs: a, beforeMs: b }, mostPerRule)
      const right = between(rule, { fromMs: b, beforeMs: c }, mostPerRule)
      expect(between(rule, { fromMs: a, beforeMs: c }, mostPerRule)).toEqual([...left, ...right].slice(0, mostPerRule))
    })
  })

  it('has as many occurrences as are counted', () => {
    holds((rule, [a = 0, b = 0, c = 0]) => {
      const listed = between(rule, { fromMs: a, beforeMs: b }, mostPerRule)
      if (listed.length < mostPerRule) expect(countBetween(rule, { fromMs: a, beforeMs: b })).toBe(listed.length)
      const whole = countBetween(rule, { fromMs: a, beforeMs: c })
      expect(whole).toBe(
        countBetween(rule, { fromMs: a, beforeMs: b }) + countBetween(rule, { fromMs: b, beforeMs: c }),
      )
    })
  })

  it('has a next and a previous occurrence that agree', () => {
    holds((rule, [a = 0, b = 0]) => {
      const found = between(rule, { fromMs: a, beforeMs: b }, mostPerRule)
      expect(nextAfter(rule, a - 1)).toBe(found[0] ?? nextAfter(rule, b - 1))
      for (const [index, at] of found.entries()) {
        if (index === 0) continue
        expect(nextAfter(rule, found[index - 1] ?? 0)).toBe(at)
        expect(previousBefore(rule, at)).toBe(found[index - 1])
      }
      const previous = previousBefore(rule, b)
      if (previous !== undefined) expect(nextAfter(rule, previous)).toBe(nextAfter(rule, b - 1))
    })
  })

  it('has the same occurrences whatever was asked before', () => {
    holds((rule, [a = 0, , c = 0]) => {
      previousBefore(rule, c)
      countBetween(rule, { fromMs: a, beforeMs: c })
      const fresh = parseRule(rule.spec)
      const found = between(rule, { fromMs: a, beforeMs: c }, 50)
      expect(found).toEqual(between(fresh, { fromMs: a, beforeMs: c }, 50))
      expect(found).toEqual([...occurrences(fresh, a).take(50)].filter((at) => at < c))
    })
  })

  it('has no more occurrences than its count, and none beyond its bounds', () => {
    holds((rule) => {
      const { count, include = [] } = rule.spec
      const total = countBetween(rule, { fromMs: -Infinity, beforeMs: Infinity })
      if (count !== undefined) expect(total).toBeLessThanOrEqual(count + include.length * 2)
      expect(total).toBeGreaterThan(0)
      const last = previousBefore(rule, Infinity) ?? Infinity
      expect(nextAfter(rule, last)).toBeUndefined()
    })
  })
})

describe('any input', () => {
  const words =
    '0 7 31 -1 * / , - L # MO jan = ; : T Z @every 20260101 FREQ DAILY BYDAY BYSETPOS COUNT UNTIL RRULE DTSTART'
  const tokens = fc.constantFrom(' ', '\n', 'TZID', 'EXDATE', 'UTC', '2026-01-01', ...words.split(' '))
  const text = fc.oneof(
    fc.string(),
    fc.array(tokens, { maxLength: 14 }).map((parts) => parts.join('')),
  )
  const names = 'at cron rrule every frequency start end count exclude timezone by_day interval'.split(' ')
  const value = fc.oneof(text, fc.anything(), fc.constantFrom('daily', '5m', 'UTC', '2026-01-01', 3))
  const object = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 })

  it('is a rule or an error that names a part', () => {
    fc.assert(
      fc.property(fc.oneof(text, object, fc.anything()), (input) => {
        try {
          const rule = parseRule(input, { startMs: beginMs })
          expect(nextAfter(rule, -Infinity)).toBeDefined()
        } catch (error) {
          if (!isQError(error, 'invalid_schedule') && !isQError(error, 'schedule_never_fires')) throw error
          expect(error.field).not.toBe('')
        }
      }),
      { numRuns: 3000 },
    )
  })
})
