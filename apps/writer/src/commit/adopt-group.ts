import { bindingsOf } from '../schedule/schedule-bindings.ts'
import { readDefinition } from '../schedule/schedule-definition.ts'
import { scheduleStates, type ScheduleFacts } from '../schedule/schedule-facts.ts'
import type { PreparedGroup } from './prepare-group.ts'
import type { WorkingSet } from './working-set.ts'

/** Takes what a group changes into the working set, for the groups after it. */
export function adoptGroup(workingSet: WorkingSet, { state, answers }: PreparedGroup): void {
  for (const model of state.changedTypes.values()) workingSet.types.set(model.name, model)
  for (const entity of state.loadedEntities()) workingSet.entities.set(entity.id, entity)
  for (const { model } of state.addedFields) workingSet.forgetType(model.name)
  for (const { name } of state.deletedTypes) workingSet.types.delete(name)
  for (const { model, previous } of state.alterations) {
    workingSet.forgetType(model.name)
    // Children were given places.
    if (model.hasOrderedChildren !== previous.hasOrderedChildren) workingSet.entities.clear()
  }
  for (const id of state.changedIds()) {
    const entity = state.entity(id)
    if (entity === undefined) workingSet.entities.delete(id)
    else workingSet.entities.set(id, entity)
  }
  // The levels of what is below are others now.
  if (state.structure.hasMoved) workingSet.entities.clear()
  for (const [key, answer] of answers) workingSet.answered.set(key, answer)
  for (const schedule of state.schedules.changed()) adoptBindings(workingSet, schedule)
}

function adoptBindings({ boundFields }: WorkingSet, { id, state, isBound, definition }: ScheduleFacts): void {
  const isThere = isBound && state !== scheduleStates.deleted
  if (isThere || !boundFields.isEmpty)
    boundFields.set(id, isThere ? bindingsOf(readDefinition(definition).bindings) : [])
}

/** Forgets what a plain group, which PostgreSQL did not take, has changed. */
export function retractGroup(workingSet: WorkingSet, { state, answers }: PreparedGroup): void {
  for (const id of state.changedIds()) workingSet.entities.delete(id)
  for (const key of answers.keys()) workingSet.answered.delete(key)
}
