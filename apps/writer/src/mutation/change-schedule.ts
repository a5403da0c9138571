import { create } from '@bufbuild/protobuf'
import { maySeeTags, mayUseNamespace } from '@qcore/access'
import {
  MutationResultSchema,
  type DeleteSchedule,
  type MutationResult,
  type PauseSchedule,
  type ResumeSchedule,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CommitContext } from '../commit/commit-context.ts'
import type { ScheduleDone } from '../record/change-list.ts'
import { planAfterIdle } from '../schedule/first-plan.ts'
import { readRuleSpec } from '../schedule/read-rule.ts'
import { readDefinition } from '../schedule/schedule-definition.ts'
import {
  allOccurrences,
  comingOccurrences,
  occurrenceStates,
  scheduleStates,
  type ScheduleFacts,
  type ScheduleStep,
} from '../schedule/schedule-facts.ts'

/**
 * Ends a schedule for good.
 *
 * @throws QError `unknown_schedule`, `condition_failed`
 */
export function deleteSchedule(context: CommitContext, mutation: DeleteSchedule, path: string): MutationResult {
  const before = existingSchedule(context, mutation, path)
  const withdrawal = { state: occurrenceStates.cancelled, reason: 'deleted', ...allOccurrences }
  return changeState(context, before, { state: scheduleStates.deleted, done: 'deleted', withdrawal })
}

/**
 * Pauses a schedule.
 *
 * @throws QError `unknown_schedule`, `condition_failed`
 */
export function pauseSchedule(context: CommitContext, mutation: PauseSchedule, path: string): MutationResult {
  const before = existingSchedule(context, mutation, path)
  if (before.state === scheduleStates.paused) return create(MutationResultSchema, { scheduleId: before.id })
  const withdrawal = { state: occurrenceStates.skipped, reason: 'paused', ...comingOccurrences }
  const facts = { ...before, planRevision: context.state.schedules.planRevisionOfPaused(before) }
  return changeState(context, facts, { state: scheduleStates.paused, done: 'paused', withdrawal })
}

/**
 * Goes on with a schedule that was paused, or that the schedulers have disabled.
 *
 * @throws QError `unknown_schedule`, `condition_failed`
 */
export function resumeSchedule(context: CommitContext, mutation: ResumeSchedule, path: string): MutationResult {
  const before = existingSchedule(context, mutation, path)
  if (!isIdle(before)) return create(MutationResultSchema, { scheduleId: before.id })
  const { timeUs, revision } = context
  const rule = readRuleSpec(before.ruleSpec)
  const plan = planAfterIdle(rule, before.id, { nowUs: timeUs, before, reason: idleReason(before) })
  const facts = { ...before, state: scheduleStates.active, planRevision: revision }
  return changeState(context, facts, { state: scheduleStates.active, done: 'resumed', plan })
}

/** Whether nothing of a schedule is planned. */
export function isIdle({ state, disabledReason }: ScheduleFacts): boolean {
  return state === scheduleStates.paused || disabledReason !== ''
}

/** Why occurrences did not fire that came due while a schedule was idle. */
export function idleReason({ state }: ScheduleFacts): string {
  return state === scheduleStates.paused ? 'paused' : 'disabled'
}

/**
 * Checks that a schedule is the one that the caller has seen.
 *
 * @throws QError `condition_failed`
 */
export function assertScheduleRevision(schedule: ScheduleFacts, expected: bigint, path: string): void {
  if (expected === 0n || BigInt(schedule.revision) === expected) return
  throw new QError('condition_failed', `the schedule is of revision ${schedule.revision}`, {
    field: `${path}.expected_revision`,
  })
}

/** Does something to a schedule, and puts it into the commit's changes. */
export function takeStep(
  context: CommitContext,
  step: Omit<ScheduleStep, 'writer' | 'timeUs' | 'done'>,
  done: ScheduleDone,
): MutationResult {
  const { state, changes, caller, timeUs } = context
  const { id, namespace, name } = step.facts
  state.takeScheduleStep({ ...step, done, writer: caller.subject, timeUs })
  changes.add({ kind: 'schedule', id, namespace, name, done })
  return create(MutationResultSchema, { changed: true, scheduleId: id })
}

function changeState(
  context: CommitContext,
  before: ScheduleFacts,
  {
    state,
    done,
    plan,
    withdrawal,
  }: { state: number; done: ScheduleDone } & Partial<Pick<ScheduleStep, 'plan' | 'withdrawal'>>,
): MutationResult {
  const facts = { ...before, state, revision: context.revision, disabledReason: '' }
  const { tags } = readDefinition(before.definition)
  return takeStep(context, { facts, tags, plan, withdrawal }, done)
}

function existingSchedule(
  { state, caller }: CommitContext,
  { schedule, expectedRevision }: DeleteSchedule | PauseSchedule | ResumeSchedule,
  path: string,
): ScheduleFacts {
  const found = schedule === undefined ? undefined : state.schedules.find(schedule)
  // What a token leaves out is hidden from it.
  const isSeen =
    found !== undefined &&
    mayUseNamespace(caller, found.namespace) &&
    maySeeTags(caller, readDefinition(found.definition).tags)
  if (!isSeen) throw unknownSchedule(`${path}.schedule`)
  assertScheduleRevision(found, expectedRevision, path)
  return found
}

export function unknownSchedule(field: string): QError {
  return new QError('unknown_schedule', 'there is no such schedule', { field })
}
