import { expect, it } from 'vitest'
import { planSchedule } from '../src/plan/plan-schedule.ts'
import { readRuleSpec, readSettingsOf } from '../src/schedule-settings.ts'
import { loadSchedulesToPlan, storePlans } from '../src/sql/plan-schedules.ts'
import { startStore } from './_store.ts'

it('an occurrence that was moved keeps its new time when it is planned again', async () => {
  await using store = await startStore()
  await store.put({ rule: '0 0 1 1 *' })
  // As if its schedule had been disabled since, and enabled again.
  await store.pool.query(`
    update occurrence set state = 6, reason = 'disabled', ended_us = 1, due_us = nominal_us + 3600000000;
    update schedule set planned_us = planned_us - 1, plan_us = 0`)
  const [schedule] = await loadSchedulesToPlan(store.pool, { aheadMs: 0, limit: 1 })
  if (schedule === undefined) throw new Error('nothing is to be planned')
  const { nowUs, definition, ruleSpec } = schedule
  const settings = readSettingsOf(definition)
  const plan = planSchedule(readRuleSpec(ruleSpec), schedule, { settings, nowUs, horizonUs: nowUs })
  expect(await storePlans(store.pool, [{ schedule, ...plan }])).toBe(1)
  const { rows } = await store.pool.query<{ state: number; movedUs: number; wakes: boolean }>(
    'select state, due_us - nominal_us as "movedUs", wake_us = due_us as wakes from occurrence',
  )
  expect(rows).toEqual([{ state: 1, movedUs: 3_600_000_000, wakes: true }])
})
