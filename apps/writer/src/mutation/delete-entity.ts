import { create } from '@bufbuild/protobuf'
import { MutationResultSchema, ValueType, type DeleteEntity, type MutationResult } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { limits, referencedIds } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import type { Holder } from '../commit/group-state.ts'
import { assertMayWrite, permittedEntity } from './permitted.ts'
import { setField } from './set-field.ts'

/**
 * Deletes an entity with its descendants, and clears the references of other entities to them.
 *
 * @throws QError `unknown_entity`, `root_protected`, `commit_too_large`
 */
export function deleteEntity(context: CommitContext, mutation: DeleteEntity, path: string): MutationResult {
  const { state, changes, revision } = context
  const entity = permittedEntity(context, mutation.entityId, `${path}.entity_id`, 'write')
  if (entity.parentId === '') {
    throw new QError('root_protected', 'the root cannot be deleted', { field: `${path}.entity_id` })
  }
  if (state.isTruncated) throw tooLarge(path)
  const doomed = childrenFirst(context, entity.id)
  if (changes.length + doomed.length > limits.changesPerCommit) throw tooLarge(path)
  for (const id of doomed) {
    const model = state.type(state.entity(id)?.type ?? '')
    if (model !== undefined) assertMayWrite(context, model, `${path}.entity_id`)
  }
  const ids = new Set(doomed)
  clearReferences(context, ids)
  changes.dropEntities(ids)
  for (const id of doomed) {
    const before = state.entityBeforeCommit(id)
    if (before !== undefined) changes.add({ kind: 'deleted', entity: before })
    state.deleteEntity(id, revision)
  }
  return create(MutationResultSchema, { entityId: entity.id, changed: true })
}

function tooLarge(path: string): QError {
  return new QError('commit_too_large', `the entity has too many descendants, or too many fields refer to them`, {
    field: `${path}.entity_id`,
  })
}

/** The ids of an entity and its descendants, children before their parents. */
function childrenFirst({ state }: CommitContext, rootId: string): string[] {
  const parentsFirst = [rootId]
  for (const id of parentsFirst) {
    if (parentsFirst.length > limits.changesPerCommit) break
    for (const childId of state.children(id)) parentsFirst.push(childId)
  }
  return parentsFirst.reverse()
}

function clearReferences(context: CommitContext, doomed: ReadonlySet<string>): void {
  for (const id of doomed) {
    for (const holder of context.state.holders(id)) {
      if (!doomed.has(holder.entityId)) clearReference(context, doomed, holder)
    }
  }
}

/** Takes doomed entities out of a field, if it still refers to one. */
function clearReference(context: CommitContext, doomed: ReadonlySet<string>, { entityId, fieldId }: Holder): void {
  const { state, revision, timeUs, caller } = context
  const entity = state.entity(entityId)
  if (entity === undefined) return
  const field = state.typeOf(entity).fields.find(({ id }) => id === fieldId)
  const held = field === undefined ? undefined : entity.fields[field.position]
  if (field === undefined || held === undefined) return
  const ids = referencedIds(field.valueType, held.value)
  if (!ids.some((id) => doomed.has(id))) return
  const value = field.valueType === ValueType.ENTITY_LIST ? ids.filter((id) => !doomed.has(id)) : ''
  setField(context, entity, field, { value, writeTimeUs: timeUs, writer: caller.subject, revision })
}
