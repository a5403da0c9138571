import type { CommitRequest, Condition, Mutation, Value } from '@qcore/contracts'
import { rootId } from '../mutation/announce-schema-change.ts'
import { bindingsOf } from '../schedule/schedule-bindings.ts'
import type { PendingCommit } from './pending-commit.ts'

/** The entities that commits name. */
export interface NeededEntities {
  readonly ids: Set<string>
  /** Those that are to be deleted, with their descendants. */
  readonly doomed: Set<string>
}

/** Collects the entities that commits name, so that they are loaded by one query. */
export function collectNeeded(commits: readonly PendingCommit[]): NeededEntities {
  const needed: NeededEntities = { ids: new Set(), doomed: new Set() }
  for (const { request, needs: further } of commits) {
    for (const id of further?.ids ?? []) needed.ids.add(id)
    for (const condition of request.conditions) collectFromCondition(condition, needed)
    for (const mutation of request.mutations) collectFromMutation(mutation, needed)
    if (request.mutations.some(({ kind }) => kind.case === 'deleteEntity')) collectMoved(request, needed)
  }
  needed.ids.delete('')
  return needed
}

/** What a commit moves may end up below what it deletes. */
function collectMoved({ mutations }: CommitRequest, { doomed }: NeededEntities): void {
  for (const { kind } of mutations) if (kind.case === 'moveEntity') doomed.add(kind.value.entityId)
}

function collectFromCondition({ kind }: Condition, { ids }: NeededEntities): void {
  if (kind.case !== undefined) ids.add(kind.value.entityId)
}

function collectFromMutation({ kind }: Mutation, { ids, doomed }: NeededEntities): void {
  switch (kind.case) {
    case 'writeField':
      ids.add(kind.value.entityId)
      return collectFromValue(kind.value.value, ids)
    case 'createEntity':
      ids.add(kind.value.parentId)
      ids.add(kind.value.entityId)
      ids.add(kind.value.beforeId)
      for (const value of Object.values(kind.value.fields)) collectFromValue(value, ids)
      return
    case 'deleteEntity':
      ids.add(kind.value.entityId)
      doomed.add(kind.value.entityId)
      return
    case 'renameEntity':
      ids.add(kind.value.entityId)
      return
    case 'moveEntity':
      ids.add(kind.value.entityId)
      ids.add(kind.value.parentId)
      ids.add(kind.value.beforeId)
      return
    case 'setSchema':
    case 'alterType':
    case 'deleteType':
      ids.add(rootId)
      return
    case 'putSchedule':
      for (const { entityId } of bindingsOf(kind.value.bindings)) ids.add(entityId)
      return
    case 'emitEvent':
    case 'deleteSchedule':
    case 'pauseSchedule':
    case 'resumeSchedule':
    case 'putConfig':
    case 'deleteConfig':
    case undefined:
  }
}

function collectFromValue(value: Value | undefined, ids: Set<string>): void {
  if (value?.kind.case === 'entityReference') ids.add(value.kind.value)
  else if (value?.kind.case === 'entityList') for (const id of value.kind.value.entityIds) ids.add(id)
}
