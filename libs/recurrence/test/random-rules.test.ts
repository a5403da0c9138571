import fc from 'fast-check'
import { isQError } from '@qcore/errors'
import { RRuleTemporal } from 'rrule-temporal'
import { describe, expect, it } from 'vitest'
import { between, nextAfter, parseRule, previousBefore } from '@qcore/recurrence'
import { arbitraryLocal, arbitraryRuleText } from './_arbitrary-rule.ts'

const endMs = Date.UTC(2045, 0, 1)
const mostCompared = 12

function ours(text: string): number[] {
  try {
    return between(parseRule(text), { fromMs: 0, beforeMs: endMs }, mostCompared)
  } catch (error) {
    if (isQError(error, 'schedule_never_fires')) return []
    throw error
  }
}

/** What rrule-temporal answers; undefined if it gives up. */
function unlessGivenUp<T>(question: () => T): { answer: T } | undefined {
  try {
    return { answer: question() }
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Maximum iterations')) return undefined
    throw error
  }
}

function theirs(text: string): number[] {
  const found: number[] = []
  new RRuleTemporal({ rruleString: text }).all((date, index) => {
    if (index < mostCompared) found.push(date.epochMilliseconds)
    return index < mostCompared - 1 && date.year < 2045
  })
  return found.filter((at) => at < endMs)
}

/** What rrule-temporal 2.2.7 gets wrong: n-th weekdays of a year beside other days, and days of the year beside any others. */
function isBeyondThem(rule: string): boolean {
  if (!rule.startsWith('FREQ=YEARLY')) return false
  return /BYDAY=[^;]*\d/.test(rule) || (rule.includes('BYYEARDAY') && /BYMONTHDAY|BYDAY/.test(rule))
}

/** The same rules in every run: another one that the library gets wrong is no failure of ours. */
const seed = 20_261_121

describe('random rules', () => {
  it('have the occurrences that rrule-temporal finds', { timeout: 60_000 }, () => {
    let compared = 0
    fc.assert(
      fc.property(arbitraryRuleText, arbitraryLocal, (rule, start) => {
        if (isBeyondThem(rule)) return
        const text = `DTSTART;TZID=UTC:${start.replaceAll(/[-:]/g, '')}\nRRULE:${rule}`
        const expected = unlessGivenUp(() => theirs(text))
        if (expected === undefined) return
        compared++
        expect(ours(text)).toEqual(expected.answer)
      }),
      { numRuns: 150, seed },
    )
    expect(compared).toBeGreaterThan(50)
  })

  it('have the next and the previous occurrence that rrule-temporal finds', { timeout: 60_000 }, () => {
    const moment = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2030, 0, 1) })
    fc.assert(
      fc.property(arbitraryRuleText, arbitraryLocal, moment, (rule, start, atMs) => {
        if (isBeyondThem(rule)) return
        const text = `DTSTART;TZID=UTC:${start.replaceAll(/[-:]/g, '')}\nRRULE:${rule}`
        const [first] = ours(text)
        if (first === undefined) return
        const theirRule = new RRuleTemporal({ rruleString: text })
        const next = unlessGivenUp(() => theirRule.next(new Date(atMs)))
        if (next !== undefined) expect(nextAfter(parseRule(text), atMs)).toBe(next.answer?.epochMilliseconds)
        const previous = unlessGivenUp(() => theirRule.previous(new Date(atMs)))
        if (previous !== undefined)
          expect(previousBefore(parseRule(text), atMs)).toBe(previous.answer?.epochMilliseconds)
      }),
      { numRuns: 60, seed },
    )
  })
})
