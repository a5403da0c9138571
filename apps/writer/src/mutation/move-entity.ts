import { create } from '@bufbuild/protobuf'
import { MutationResultSchema, type MoveEntity, type MutationResult } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { limits } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import type { HotEntity } from '../commit/hot-entity.ts'
import { assertNameFree, placeUnder, replaceEntity } from './entity-place.ts'
import { assertMayWrite, permittedEntity } from './permitted.ts'

/**
 * Gives an entity another parent, or another place among its siblings.
 *
 * @throws QError `unknown_entity`, `root_protected`, `cycle`, `value_out_of_range`, `name_taken`, `invalid_request`
 */
export function moveEntity(context: CommitContext, mutation: MoveEntity, path: string): MutationResult {
  const { state } = context
  const entity = permittedEntity(context, mutation.entityId, `${path}.entity_id`, 'write')
  assertMayWrite(context, state.typeOf(entity), `${path}.entity_id`)
  if (entity.parentId === '') {
    throw new QError('root_protected', 'the root cannot be moved', { field: `${path}.entity_id` })
  }
  const parent = permittedEntity(context, mutation.parentId || entity.parentId, `${path}.parent_id`, 'read')
  const result = create(MutationResultSchema, { entityId: entity.id })
  const isNewParent = parent.id !== entity.parentId
  if (!isNewParent && !state.typeOf(parent).hasOrderedChildren && mutation.beforeId === '') return result
  const depth = isNewParent ? depthUnder(context, { entity, parent }, `${path}.parent_id`) : entity.depth
  if (isNewParent) assertNameFree(context, { parent, name: entity.name, id: entity.id }, `${path}.parent_id`)
  const place = placeUnder(context, { parent, beforeId: mutation.beforeId, id: entity.id }, `${path}.before_id`)
  replaceEntity(context, entity, { name: entity.name, parentId: parent.id, place, depth })
  result.changed = true
  return result
}

/** The level of an entity under a new parent. */
function depthUnder(
  { state: { structure } }: CommitContext,
  { entity, parent }: { entity: HotEntity; parent: HotEntity },
  path: string,
): number {
  if (structure.isWithin(parent.id, entity.id)) {
    throw new QError('cycle', `${parent.id} is ${entity.id}, or below it`, { field: path })
  }
  const depth = structure.depthOf(parent) + 1
  if (depth + structure.heightOf(entity.id) > limits.treeDepth) {
    throw new QError('value_out_of_range', `the tree has at most ${limits.treeDepth} levels`, { field: path })
  }
  return depth
}
