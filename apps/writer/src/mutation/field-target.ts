import { isQError, QError } from '@qcore/errors'
import { parsePath, type FieldModel } from '@qcore/model'
import { resolvePath, type PathProblem, type PathTarget } from '@qcore/replica'
import type { CommitContext } from '../commit/commit-context.ts'
import { LoadMore, type NeededPath } from '../commit/commit-needs.ts'
import { existingEntity } from '../commit/group-state.ts'
import type { HotEntity } from '../commit/hot-entity.ts'
import { GroupSource } from '../commit/path-source.ts'
import { permittedEntity, permittedField, permittedSource, type Purpose } from './permitted.ts'

/** What a request means by an entity and a field. */
export interface FieldTarget {
  readonly entity: HotEntity
  readonly field: FieldModel
  /** Whether the field was given as a path. */
  readonly isPath: boolean
}

/**
 * Finds the field that a request names, directly or by a path from the entity, as far as the caller may see; to write, a field
 * that is named directly need not be one that the caller may see.
 *
 * @param path the part of the request that has `entity_id` and `field`
 * @throws QError `unknown_entity`, `unknown_field`, `invalid_path`, `broken_path`, `too_many_children`
 */
export function fieldTarget(
  context: CommitContext,
  { entityId, field: name }: { entityId: string; field: string },
  path: string,
  purpose: Purpose,
): FieldTarget {
  if (name.includes('->')) return pathTarget(context, { entityId, path: parsePath(name, `${path}.field`) }, path)
  const entity = permittedEntity(context, entityId, `${path}.entity_id`, purpose)
  const model = context.state.typeOf(entity)
  const field = permittedField(context, { model, name }, `${path}.field`, purpose)
  return { entity, field, isPath: false }
}

function pathTarget(context: CommitContext, needed: NeededPath, path: string): FieldTarget {
  const target = resolved(context, needed, path)
  switch (target.kind) {
    case 'problem': {
      const part = target.part === 'entity_id' ? 'entity_id' : 'field'
      throw new QError(target.code, target.message, { field: `${path}.${part}` })
    }
    case 'own':
      throw new QError('unknown_field', `${target.name} of ${target.entity.id} is not a field of its type`, {
        field: `${path}.field`,
      })
    default:
      return { entity: existingEntity(context.state, target.entity.id, path), field: target.field, isPath: true }
  }
}

/** @throws QError `too_many_children` */
function resolved(context: CommitContext, needed: NeededPath, path: string): PathTarget | PathProblem {
  try {
    return followPath(context, needed)
  } catch (error) {
    if (!isQError(error)) throw error
    throw new QError(error.code, error.message, { field: `${path}.field`, cause: error })
  }
}

/**
 * Follows a path as far as the caller may see.
 *
 * @throws QError `too_many_children`
 */
export function followPath(context: CommitContext, needed: NeededPath): PathTarget | PathProblem {
  const source = new GroupSource(context.state)
  const target = resolvePath(permittedSource(context, source), needed.entityId, needed.path)
  if (target === undefined) throw new LoadMore({ paths: [needed], ids: [...source.missingEntities] })
  return target
}
