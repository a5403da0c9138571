import { setTimeout as delay } from 'node:timers/promises'
import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { schedulerMetrics } from '../metrics.ts'
import { readRuleSpec, readSettingsOf } from '../schedule-settings.ts'
import { disableSchedule } from '../sql/disable-schedule.ts'
import { loadFormerRules, storeFormerRules, type FormerRuleRow, type PlannedFormerRule } from '../sql/former-rules.ts'
import { loadSchedulesToPlan, storePlans, type ScheduleToPlanRow, type StoredPlan } from '../sql/plan-schedules.ts'
import { planDue, planSchedule } from './plan-schedule.ts'

/** Schedules of one statement at most. */
const mostSchedules = 100
/** Time between looks for schedules to plan: far less than the least look-ahead. */
const pauseMs = 200

export interface PlannerOptions {
  readonly executor: Executor
  readonly logger: Logger
  readonly lookAheadMs: number
}

/** Makes the rows of occurrences ahead of their time. Any number may run: a plan is stored only where nobody was faster. */
export class Planner implements AsyncDisposable {
  readonly #options: PlannerOptions
  readonly #stop = new AbortController()
  readonly #run: Promise<void>
  /** Schedules of the next statement at most. What was too much for the time of a statement would be so again. */
  #limit = mostSchedules

  constructor(options: PlannerOptions) {
    this.#options = options
    this.#run = this.#keepPlanning()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#run
  }

  async #keepPlanning(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const isMore = await this.#planSome().catch((error: unknown) => {
        this.#options.logger.warn({ err: error, schedules: this.#limit }, 'cannot plan schedules')
        this.#limit = Math.max(1, Math.floor(this.#limit / 2))
        return false
      })
      if (!isMore) await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Plans once. Returns whether more waits. */
  async #planSome(): Promise<boolean> {
    const isMore = await this.#planSchedules()
    return (await this.#planFormerRules()) || isMore
  }

  async #planSchedules(): Promise<boolean> {
    const { executor, lookAheadMs } = this.#options
    const limit = this.#limit
    const schedules = await loadSchedulesToPlan(executor, { aheadMs: lookAheadMs / 2, limit })
    if (schedules.length === 0) return false
    const plans: StoredPlan[] = []
    for (const schedule of schedules) {
      const plan = await this.#plan(schedule)
      if (plan !== undefined) plans.push(plan)
    }
    const stored = await storePlans(executor, plans)
    if (stored > 0) schedulerMetrics.planned.inc(plans.reduce((sum, { rows }) => sum + rows.length, 0))
    this.#limit = Math.min(limit * 2, mostSchedules)
    return schedules.length === limit && stored > 0
  }

  /** Undefined: the rule cannot be read any more, and its schedule is disabled, so that it holds up no other. */
  async #plan(schedule: ScheduleToPlanRow): Promise<StoredPlan | undefined> {
    const { executor, lookAheadMs, logger } = this.#options
    const { id: scheduleId, revision, nowUs } = schedule
    try {
      const settings = readSettingsOf(schedule.definition)
      const horizonUs = nowUs + lookAheadMs * 1_000
      return { schedule, ...planSchedule(readRuleSpec(schedule.ruleSpec), schedule, { settings, nowUs, horizonUs }) }
    } catch (error) {
      logger.error({ err: error, schedule: scheduleId }, 'a schedule cannot be planned; it is disabled')
      const reason = `it cannot be planned: ${error instanceof Error ? error.message : String(error)}`
      await disableSchedule(executor, { scheduleId, revision, reason })
      return undefined
    }
  }

  async #planFormerRules(): Promise<boolean> {
    const { executor } = this.#options
    const limit = this.#limit
    const rules = await loadFormerRules(executor, limit)
    if (rules.length === 0) return false
    const planned = await storeFormerRules(
      executor,
      rules.map((rule) => this.#planFormerRule(rule)),
    )
    return rules.length === limit && planned > 0
  }

  /** A rule that cannot be read any more is left out, so that it holds up no other. */
  #planFormerRule(formerRule: FormerRuleRow): PlannedFormerRule {
    const { scheduleId: id, untilUs } = formerRule
    try {
      const settings = readSettingsOf(formerRule.definition)
      const rows = planDue(readRuleSpec(formerRule.ruleSpec), { ...formerRule, id }, { settings, untilUs })
      return { formerRule, rows }
    } catch (error) {
      this.#options.logger.error({ err: error, schedule: id }, 'a former rule cannot be read: its times have no row')
      return { formerRule, rows: [] }
    }
  }
}
