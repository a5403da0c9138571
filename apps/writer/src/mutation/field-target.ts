import { isQError, QError } from '@qcore/errors'
import { parsePath, type FieldModel, type FieldPath } from '@qcore/model'
import { resolvePath } from '@qcore/replica'
import { LoadMore } from '../commit/commit-needs.ts'
import { existingEntity, existingField, type GroupState } from '../commit/group-state.ts'
import type { HotEntity } from '../commit/hot-entity.ts'
import { GroupSource } from '../commit/path-source.ts'

/** What a request means by an entity and a field. */
export interface FieldTarget {
  readonly entity: HotEntity
  readonly field: FieldModel
  /** Whether the field was given as a path. */
  readonly isPath: boolean
}

/**
 * Finds the field that a request names, directly or by a path from the entity.
 *
 * @param path the part of the request that has `entity_id` and `field`
 * @throws QError `unknown_entity`, `unknown_field`, `invalid_path`, `broken_path`, `too_many_children`
 */
export function fieldTarget(
  state: GroupState,
  { entityId, field: name }: { entityId: string; field: string },
  path: string,
): FieldTarget {
  if (name.includes('->')) return pathTarget(state, { entityId, path: parsePath(name, `${path}.field`) }, path)
  const entity = existingEntity(state, entityId, `${path}.entity_id`)
  return { entity, field: existingField(state.typeOf(entity), name, `${path}.field`), isPath: false }
}

function pathTarget(
  state: GroupState,
  needed: { readonly entityId: string; readonly path: FieldPath },
  path: string,
): FieldTarget {
  const target = resolved(state, needed, path)
  if (target === undefined) throw new LoadMore({ paths: [needed] })
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
      return { entity: existingEntity(state, target.entity.id, path), field: target.field, isPath: true }
  }
}

function resolved(
  state: GroupState,
  { entityId, path: steps }: { readonly entityId: string; readonly path: FieldPath },
  path: string,
): ReturnType<typeof resolvePath> {
  try {
    return resolvePath(new GroupSource(state), entityId, steps)
  } catch (error) {
    if (!isQError(error)) throw error
    throw new QError(error.code, error.message, { field: `${path}.field`, cause: error })
  }
}
