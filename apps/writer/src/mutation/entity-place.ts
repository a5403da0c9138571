import { QError } from '@qcore/errors'
import { limits, placeBetween } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { existingEntity } from '../commit/group-state.ts'
import type { HotEntity } from '../commit/hot-entity.ts'

/** Control characters, C1 included. */
// oxlint-disable-next-line no-control-regex
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/

/** @throws QError `invalid_request` */
export function assertName(name: string, path: string): void {
  if (name.length < 1 || name.length > limits.entityNameLength) {
    throw new QError('invalid_request', `a name has 1 to ${limits.entityNameLength} characters`, { field: path })
  }
  if (name.includes('->') || controlCharacters.test(name)) {
    throw new QError('invalid_request', 'a name has no `->` and no control characters', { field: path })
  }
}

/**
 * Checks that an entity may have a name under a parent.
 *
 * @throws QError `name_taken`
 */
export function assertNameFree(
  { state }: CommitContext,
  { parent, name, id }: { parent: HotEntity; name: string; id: string },
  path: string,
): void {
  if (!state.typeOf(parent).hasUniqueChildNames || !state.structure.isNameTaken(parent.id, name, id)) return
  throw new QError('name_taken', `${parent.id} has a child ${name}, and its type wants the names to differ`, {
    field: path,
  })
}

/**
 * The place of an entity under a parent: before the child that is named, or last. Empty where the type of the parent
 * orders its children by name.
 *
 * @throws QError `invalid_request`, `unknown_entity`, `value_out_of_range`
 */
export function placeUnder(
  { state }: CommitContext,
  { parent, beforeId, id }: { parent: HotEntity; beforeId: string; id: string },
  path: string,
): string {
  const { structure } = state
  if (!state.typeOf(parent).hasOrderedChildren) {
    if (beforeId === '') return ''
    throw new QError('invalid_request', `the type ${parent.type} orders children by name`, { field: path })
  }
  if (beforeId === '') return placeBetween(structure.lastPlace(parent.id), '')
  const before = existingEntity(state, beforeId, path)
  if (before.parentId !== parent.id || beforeId === id) {
    throw new QError('invalid_request', `${beforeId} is not another child of ${parent.id}`, { field: path })
  }
  const place = placeBetween(structure.placeBefore(parent.id, before.place), before.place)
  if (place.length <= limits.placeLength) return place
  throw new QError(
    'value_out_of_range',
    `too many entities were put between the same two; move ${beforeId} to the end`,
    {
      field: path,
    },
  )
}

/** Gives an existing entity another name, parent or place. What was to be checked was checked. */
export function replaceEntity(
  context: CommitContext,
  entity: HotEntity,
  facts: Pick<HotEntity, 'name' | 'parentId' | 'place' | 'depth'>,
): void {
  const { state, changes, revision } = context
  const changed: HotEntity = { ...entity, ...facts, structureRevision: revision }
  const depthBefore = state.structure.depthOf(entity)
  state.replaceEntity(changed)
  if (changed.parentId === entity.parentId) state.structure.place(changed)
  else state.structure.move(changed, depthBefore)
  // What the commit has created or changed before is one change.
  if (entity.structureRevision === revision) return
  changes.add({ kind: 'structure', entityId: entity.id, previous: entity })
}
