import { randomUUIDv7 } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { requireNamespace, requireTags, type Claims } from '@qcore/access'
import { MutationResultSchema, OverlapPolicy, PutMode, type MutationResult, type PutSchedule } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { startOf } from '@qcore/recurrence'
import type { CommitContext } from '../commit/commit-context.ts'
import { withBindings } from '../schedule/apply-bindings.ts'
import { planAfterIdle, planFrom, planWhenIdle } from '../schedule/first-plan.ts'
import { atRule, readRule, readRuleSpec } from '../schedule/read-rule.ts'
import { definitionOf, readDefinition } from '../schedule/schedule-definition.ts'
import {
  comingOccurrences,
  occurrenceStates,
  scheduleStates,
  type ScheduleFacts,
  type ScheduleStep,
} from '../schedule/schedule-facts.ts'
import { assertScheduleRevision, idleReason, isIdle, takeStep, unknownSchedule } from './change-schedule.ts'

/**
 * Makes a schedule, or replaces one as a whole. What does not change goes on: the same rule keeps its occurrences.
 *
 * @throws QError `unknown_namespace`, `unknown_schedule`, `schedule_exists`, `condition_failed`, and what `readRule` and
 *   `withBindings` throw
 */
export function putSchedule(context: CommitContext, mutation: PutSchedule, path: string): MutationResult {
  const before = scheduleBefore(context, mutation, path)
  if (before !== undefined) {
    requireNamespace(context.caller, before.namespace, `${path}.id`)
    requireTags(context.caller, readDefinition(before.definition).tags, `${path}.id`)
  }
  assertNamespace(context, mutation, path)
  requireTags(context.caller, mutation.tags, `${path}.tags`)
  const id = before?.id ?? (mutation.id === '' ? randomUUIDv7() : mutation.id)
  const { caller } = context
  return storeSchedule(context, withBindings(context, mutation, path), { before, id, caller, path })
}

/**
 * Stores a schedule as it is to be, if anything of it changes.
 *
 * @throws QError what `readRule` throws
 */
export function storeSchedule(
  context: CommitContext,
  mutation: PutSchedule,
  {
    before,
    id,
    caller,
    path,
  }: { before: ScheduleFacts | undefined; id: string; caller: Pick<Claims, 'level' | 'scopes'>; path: string },
): MutationResult {
  const secret = secretAfter(mutation, before)
  const definition = definitionOf(mutation, { hasSecret: secret !== null, caller })
  const isNewRule = before === undefined || !hasSameRule(before, mutation)
  const state = stateAfter(mutation, before)
  if (before !== undefined && !isNewRule && before.disabledReason === '' && before.state === state) {
    const isSame = Buffer.compare(before.definition, definition) === 0 && hasSecret(context, before, secret)
    if (isSame) return create(MutationResultSchema, { scheduleId: id })
  }
  const facts: ScheduleFacts = {
    id,
    namespace: mutation.namespace,
    name: mutation.name,
    revision: context.revision,
    state,
    definition,
    secret: typeof secret === 'string' ? context.secrets.seal(id, secret) : secret,
    ruleSpec: before?.ruleSpec ?? '',
    createdUs: before?.createdUs ?? context.timeUs,
    planRevision: before?.planRevision ?? context.revision,
    plannedUs: before?.plannedUs ?? context.timeUs,
    disabledReason: '',
    isBound: mutation.bindings !== undefined,
    beginsFreely: beginsFreely(mutation),
  }
  return takeStep(
    context,
    { ...planned(context, facts, { mutation, before, isNewRule, path }), tags: mutation.tags },
    'put',
  )
}

/** Whether occurrences mind nobody: no target that may have enough to do, and no other occurrences. */
function beginsFreely({ action, overlap }: PutSchedule): boolean {
  const kind = action?.kind.case
  const callsNobody = kind === 'emitEvent' || kind === 'writeFields' || kind === 'publish'
  return callsNobody && overlap === OverlapPolicy.UNSPECIFIED
}

/** What a put does to the occurrences of a schedule. */
function planned(
  { timeUs, revision, state: { schedules } }: CommitContext,
  facts: ScheduleFacts,
  change: { mutation: PutSchedule; before: ScheduleFacts | undefined; isNewRule: boolean; path: string },
): Pick<ScheduleStep, 'facts' | 'plan' | 'withdrawal'> {
  const { mutation, before, isNewRule, path } = change
  const { id, state } = facts
  const isActive = state === scheduleStates.active
  const resumes = before !== undefined && isIdle(before) && isActive
  if (!isNewRule && !resumes) {
    const pauses = before !== undefined && !isActive && before.state === scheduleStates.active
    const withdrawal = { state: occurrenceStates.skipped, reason: 'paused', ...comingOccurrences }
    const planRevision = isActive ? facts.planRevision : schedules.planRevisionOfPaused(facts)
    return { facts: { ...facts, planRevision }, plan: undefined, withdrawal: pauses ? withdrawal : undefined }
  }
  // The rule that it has counts from the start that it has.
  const rule = isNewRule ? readRule(mutation, path, Math.floor(timeUs / 1_000)) : readRuleSpec(facts.ruleSpec)
  const plan = atRule(path, () => {
    if (!isActive) return planWhenIdle(rule, id, timeUs)
    if (isNewRule || before === undefined) return planFrom(rule, id, timeUs)
    return planAfterIdle(rule, id, { nowUs: timeUs, before, reason: idleReason(before) })
  })
  const ruleSpec = isNewRule ? JSON.stringify(rule.spec) : facts.ruleSpec
  const withdrawal = { state: occurrenceStates.cancelled, reason: 'changed', ...comingOccurrences, afterUs: timeUs }
  return {
    facts: { ...facts, ruleSpec, planRevision: revision, plannedUs: plan.plannedUs },
    plan,
    withdrawal: isNewRule && before !== undefined ? withdrawal : undefined,
  }
}

/** The schedule that is to be replaced; undefined: it is to be made. */
function scheduleBefore(context: CommitContext, mutation: PutSchedule, path: string): ScheduleFacts | undefined {
  const { schedules } = context.state
  const { id, namespace, name, mode, expectedRevision } = mutation
  const named = name === '' ? undefined : schedules.byName(namespace, name)
  const before = id === '' ? named : schedules.byId(id)
  if (named !== undefined && named.id !== before?.id) {
    throw new QError('schedule_exists', `another schedule of ${namespace} has the name`, { field: `${path}.name` })
  }
  if (before?.state === scheduleStates.deleted) {
    if (mode === PutMode.UPDATE) throw unknownSchedule(`${path}.id`)
    throw new QError('schedule_exists', 'the id belongs to a schedule that was deleted', { field: `${path}.id` })
  }
  if (before !== undefined && mode === PutMode.CREATE) {
    throw new QError('schedule_exists', 'the schedule is there', { field: id === '' ? `${path}.name` : `${path}.id` })
  }
  if (before === undefined && (mode === PutMode.UPDATE || expectedRevision > 0n)) {
    throw unknownSchedule(id === '' ? `${path}.name` : `${path}.id`)
  }
  if (before !== undefined) assertScheduleRevision(before, expectedRevision, path)
  return before
}

function assertNamespace({ state, caller }: CommitContext, { namespace, action }: PutSchedule, path: string): void {
  requireNamespace(caller, namespace, `${path}.namespace`)
  if (action?.kind.case !== 'emitEvent') return
  requireNamespace(caller, action.kind.value.namespace, `${path}.action.emit_event.namespace`)
  if (state.hasNamespace(action.kind.value.namespace)) return
  throw new QError('unknown_namespace', `the namespace ${action.kind.value.namespace} is not registered`, {
    field: `${path}.action.emit_event.namespace`,
  })
}

function stateAfter({ paused }: PutSchedule, before: ScheduleFacts | undefined): number {
  if (paused === undefined) return before?.state ?? scheduleStates.active
  return paused ? scheduleStates.paused : scheduleStates.active
}

/** The rule as it was given counts: a start that the platform filled in stays, and is the same if it is given now. */
function hasSameRule({ definition, ruleSpec }: ScheduleFacts, { rule, timezone, startTime }: PutSchedule): boolean {
  const before = readDefinition(definition)
  if (before.rule !== rule || before.timezone !== timezone) return false
  if (before.startTime === undefined && startTime !== undefined) {
    return startOf(readRuleSpec(ruleSpec)) === timestampMs(startTime)
  }
  return before.startTime?.seconds === startTime?.seconds && before.startTime?.nanos === startTime?.nanos
}

/** The secret that is named, or the one of before, sealed: whatever it was sealed under, it need not be opened to be kept. */
function secretAfter({ action }: PutSchedule, before: ScheduleFacts | undefined): string | Uint8Array | null {
  if (action?.kind.case !== 'webhook') return null
  const { secret } = action.kind.value
  if (secret === undefined) return before?.secret ?? null
  return secret === '' ? null : secret
}

/** One that cannot be opened is another one. */
function hasSecret(
  { secrets }: CommitContext,
  { id, secret: before }: ScheduleFacts,
  secret: ReturnType<typeof secretAfter>,
): boolean {
  if (typeof secret !== 'string' || before === null) return secret === before
  try {
    return secrets.open(id, before) === secret
  } catch (error) {
    if (isQError(error, 'configuration')) return false
    throw error
  }
}
