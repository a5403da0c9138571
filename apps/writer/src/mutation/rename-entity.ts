import { create } from '@bufbuild/protobuf'
import { MutationResultSchema, type MutationResult, type RenameEntity } from '@qcore/contracts'
import type { CommitContext } from '../commit/commit-context.ts'
import { assertName, assertNameFree, replaceEntity } from './entity-place.ts'
import { assertMayWrite, permittedEntity } from './permitted.ts'

/**
 * Gives an entity another name.
 *
 * @throws QError `unknown_entity`, `invalid_request`, `name_taken`
 */
export function renameEntity(context: CommitContext, mutation: RenameEntity, path: string): MutationResult {
  const { state } = context
  const entity = permittedEntity(context, mutation.entityId, `${path}.entity_id`, 'write')
  assertMayWrite(context, state.typeOf(entity), `${path}.entity_id`)
  const { name } = mutation
  assertName(name, `${path}.name`)
  const result = create(MutationResultSchema, { entityId: entity.id })
  if (name === entity.name) return result
  const parent = state.entity(entity.parentId)
  if (parent !== undefined) assertNameFree(context, { parent, name, id: entity.id }, `${path}.name`)
  const { parentId, place, depth } = entity
  replaceEntity(context, entity, { name, parentId, place, depth })
  result.changed = true
  return result
}
