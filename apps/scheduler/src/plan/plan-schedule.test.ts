import { between, countBetween, parseRule } from '@qcore/recurrence'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { create, toBinary } from '@bufbuild/protobuf'
import { CatchUpPolicy, PutScheduleSchema } from '@qcore/contracts'
import { occurrenceState } from '../occurrence-state.ts'
import { readSettingsOf, type ScheduleSettings } from '../schedule-settings.ts'
import { planSchedule } from './plan-schedule.ts'

const minuteUs = 60_000_000

function settingsOf(catchUp: CatchUpPolicy, catchUpLimit = 0): ScheduleSettings {
  return readSettingsOf(Buffer.from(toBinary(PutScheduleSchema, create(PutScheduleSchema, { catchUp, catchUpLimit }))))
}

function idle(plannedUs: number, idleUntilUs = 0): Parameters<typeof planSchedule>[1] {
  return { id: 'a', plannedUs, idleUntilUs, idleReason: 'paused' }
}

describe('planning', () => {
  const everyMinute = parseRule('* * * * *')

  it('makes rows up to the horizon, and at least the next one', () => {
    const settings = settingsOf(CatchUpPolicy.UNSPECIFIED)
    const near = planSchedule(everyMinute, idle(0), { settings, nowUs: 0, horizonUs: 3 * minuteUs })
    expect(near.rows.map(({ nominalUs }) => nominalUs / minuteUs)).toEqual([1, 2, 3])
    const yearly = parseRule('0 0 1 1 *')
    const far = planSchedule(yearly, idle(0), { settings, nowUs: 0, horizonUs: minuteUs })
    expect(far.rows).toHaveLength(1)
    expect(far.plannedUs).toBe(far.rows[0]?.nominalUs)
  })

  it('makes at most 100 rows ahead', () => {
    const settings = settingsOf(CatchUpPolicy.UNSPECIFIED)
    const plan = planSchedule(parseRule('@every 1s'), idle(0), { settings, nowUs: 0, horizonUs: 3_600 * minuteUs })
    expect(plan.rows).toHaveLength(100)
  })

  it('knows when none is left', () => {
    const rule = parseRule({ cron: '* * * * *', end: '1970-01-01T00:02:00Z' })
    const plan = planSchedule(rule, idle(0), {
      settings: settingsOf(CatchUpPolicy.UNSPECIFIED),
      nowUs: 0,
      horizonUs: 10 * minuteUs,
    })
    expect(plan.rows).toHaveLength(2)
    expect(plan.isExhausted).toBe(true)
  })

  it('accounts for every occurrence once, however it is split up', () => {
    const rules = [everyMinute, parseRule('@every 7s'), parseRule('*/5 1-3 * * *')]
    const anyCase = fc.record({
      rule: fc.constantFrom(...rules),
      policy: fc.constantFrom(CatchUpPolicy.UNSPECIFIED, CatchUpPolicy.LAST, CatchUpPolicy.ALL),
      limit: fc.integer({ min: 1, max: 50 }),
      steps: fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 6 }),
      idleMinutes: fc.integer({ min: 0, max: 3_000 }),
    })
    fc.assert(
      fc.property(anyCase, ({ rule, policy, limit, steps, idleMinutes }) => {
        const settings = settingsOf(policy, limit)
        let plannedUs = 0
        let nowUs = 0
        let total = 0
        const seen = new Set<number>()
        for (const minutes of steps) {
          nowUs += minutes * minuteUs
          const schedule = idle(plannedUs, idleMinutes * minuteUs)
          const plan = planSchedule(rule, schedule, { settings, nowUs, horizonUs: nowUs + minuteUs })
          for (const { nominalUs, lastNominalUs, size } of plan.rows) {
            expect(nominalUs).toBeGreaterThan(plannedUs)
            expect(seen.has(nominalUs)).toBe(false)
            seen.add(nominalUs)
            const window = { fromMs: nominalUs / 1_000, beforeMs: lastNominalUs / 1_000 + 1 }
            expect(countBetween(rule, window)).toBe(size)
            total += size
          }
          expect(plan.plannedUs).toBeGreaterThan(nowUs)
          plannedUs = plan.plannedUs
        }
        expect(total).toBe(countBetween(rule, { fromMs: 1, beforeMs: plannedUs / 1_000 + 1 }))
      }),
      { numRuns: 60 },
    )
  })

  it('lists the newest 1,000 that did not fire, and the older ones as one', () => {
    const nowUs = 5_000 * minuteUs
    const { rows } = planSchedule(everyMinute, idle(0), {
      settings: settingsOf(CatchUpPolicy.LAST),
      nowUs,
      horizonUs: nowUs,
    })
    const missed = rows.filter(({ state }) => state === occurrenceState.missed)
    expect(missed[0]).toMatchObject({ nominalUs: minuteUs, size: 3_997, lastNominalUs: 3_997 * minuteUs })
    expect(missed.slice(1).map(({ nominalUs }) => nominalUs / 1_000)).toEqual(
      between(everyMinute, { fromMs: 3_998 * 60_000, beforeMs: 4_998 * 60_000 }, 2_000),
    )
    const pending = rows.filter(({ state }) => state === occurrenceState.pending)
    expect(pending.map(({ nominalUs }) => nominalUs / minuteUs)).toEqual([4_998, 4_999, 5_000, 5_001])
  })
})
