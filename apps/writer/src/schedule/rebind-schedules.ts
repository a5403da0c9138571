import { AccessLevel, type PutSchedule } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import type { FieldValue } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { LoadMore } from '../commit/commit-needs.ts'
import { takeStep } from '../mutation/change-schedule.ts'
import { storeSchedule } from '../mutation/put-schedule.ts'
import { applyValue, typeOfPart } from './apply-bindings.ts'
import { bindingsOf, type Binding } from './schedule-bindings.ts'
import { readDefinition } from './schedule-definition.ts'
import { comingOccurrences, occurrenceStates, scheduleStates, type ScheduleFacts } from './schedule-facts.ts'

/** Changes the schedules, in the same commit, that depend on fields which the commit has changed. */
export function rebindSchedules(context: CommitContext): void {
  const { state, changes } = context
  const { boundFields, schedules } = state
  const touched = new Set<string>()
  for (const change of changes) {
    if (change.kind === 'field') {
      for (const id of boundFields.ofField(change.entity.id, change.field.name)) touched.add(id)
      for (const id of schedules.boundTo(change.entity.id)) touched.add(id)
    } else if (change.kind === 'deleted' || change.kind === 'created') {
      const entityId = change.kind === 'deleted' ? change.entity.id : change.entityId
      for (const id of boundFields.ofEntity(entityId)) touched.add(id)
      for (const id of schedules.boundTo(entityId)) touched.add(id)
    }
  }
  const missing = [...touched].filter((id) => schedules.byId(id) === undefined)
  if (missing.length > 0) throw new LoadMore({ schedules: missing })
  for (const id of touched) {
    const facts = schedules.byId(id)
    if (facts !== undefined && facts.state !== scheduleStates.deleted) rebind(context, facts)
  }
}

/** Gives a schedule what its fields say now. What cannot be used disables it; it goes on as it was when it can be used again. */
function rebind(context: CommitContext, facts: ScheduleFacts): void {
  const schedule = readDefinition(facts.definition)
  const { bindings } = schedule
  if (bindings === undefined) return
  const bound = bindingsOf(bindings)
  const ids = bound.map(({ entityId }) => entityId).filter((id) => !context.state.knows(id))
  if (ids.length > 0) throw new LoadMore({ ids })
  try {
    for (const binding of bound) {
      const { part } = binding
      applyValue(schedule, bindings, { part, value: valueOf(context, binding), path: nameOf(binding) })
    }
    schedule.id = facts.id
    // Nobody puts it: it may do what it might before.
    storeSchedule(context, schedule, { before: facts, id: facts.id, caller: putterOf(schedule), path: 'bindings' })
  } catch (error) {
    if (!(error instanceof UnusableField) && !isQError(error)) throw error
    disable(context, facts, `what it is bound to cannot be used: ${error.message}`)
  }
}

function putterOf({ action }: PutSchedule): { level: AccessLevel; scopes: string[] } {
  const kind = action?.kind
  if (kind?.case !== 'writeFields') return { level: AccessLevel.WRITE, scopes: [] }
  const { isAdmin, permissions } = kind.value
  return {
    level: isAdmin ? AccessLevel.ADMIN : AccessLevel.WRITE,
    scopes: permissions.map((permission) => `permission:${permission}`),
  }
}

class UnusableField extends Error {
  override readonly name = 'UnusableField'
}

function valueOf({ state }: CommitContext, binding: Binding): FieldValue {
  const entity = state.entity(binding.entityId)
  const field = entity === undefined ? undefined : state.typeOf(entity).fieldsByName.get(binding.field)
  if (entity === undefined || field === undefined) throw new UnusableField(`${nameOf(binding)} is gone`)
  const value = entity.fields[field.position]?.value
  if (field.valueType === typeOfPart(binding.part) && value !== undefined) return value
  throw new UnusableField(`${nameOf(binding)} has another type now`)
}

function nameOf({ entityId, field }: Binding): string {
  return `${field} of ${entityId}`
}

function disable(context: CommitContext, facts: ScheduleFacts, disabledReason: string): void {
  if (facts.disabledReason === disabledReason) return
  const { tags } = readDefinition(facts.definition)
  const withdrawal = { state: occurrenceStates.skipped, reason: 'disabled', ...comingOccurrences }
  takeStep(
    context,
    { facts: { ...facts, revision: context.revision, disabledReason }, tags, plan: undefined, withdrawal },
    'put',
  )
}
