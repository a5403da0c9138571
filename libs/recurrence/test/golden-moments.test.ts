import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { between, parseRule } from '@qcore/recurrence'
import { ms, short } from './_moments.ts'

interface GoldenCase {
  cron: string
  timezone: string
  gap: string
  fold: string
  from: string
  before: string
  moments: string[]
}

/** Moments that Python's zoneinfo was asked for, at the clock changes of three zones in 2026 and 2027. */
const cases = JSON.parse(readFileSync(new URL('clock-change-moments.json', import.meta.url), 'utf8')) as GoldenCase[]

describe('moments that are written down', () => {
  it.each(cases)('$cron in $timezone from $from, gap $gap, fold $fold', ({ from, before, moments, ...input }) => {
    const rule = parseRule(input)
    expect(between(rule, { fromMs: ms(from), beforeMs: ms(before) }, 100).map(short)).toEqual(moments)
  })

  it('are some two hundred', () => {
    expect(cases.flatMap(({ moments }) => moments).length).toBeGreaterThanOrEqual(200)
  })
})
