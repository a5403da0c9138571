import { grantsOf } from '@qcore/access'
import { QError } from '@qcore/errors'
import { mayWrite, visibleType, type FieldModel, type TypeModel } from '@qcore/model'
import { visibleSource, type EntitySource } from '@qcore/replica'
import type { CommitContext } from '../commit/commit-context.ts'
import { existingEntity, existingField } from '../commit/group-state.ts'
import type { HotEntity } from '../commit/hot-entity.ts'

/** What a caller wants of a field or an entity: what it may neither see nor change is for it as if it did not exist. */
export type Purpose = 'read' | 'write'

/** A source as the caller of a commit may see it. */
export function permittedSource({ state, caller }: CommitContext, source: EntitySource): EntitySource {
  return visibleSource(source, state, grantsOf(caller))
}

/**
 * A type that must exist for the caller, which wants to create an entity of it.
 *
 * @throws QError `unknown_type`
 */
export function permittedType({ state, caller }: CommitContext, name: string, path: string): TypeModel {
  const model = state.type(name)
  const grants = grantsOf(caller)
  if (model !== undefined && (visibleType(model, grants) !== undefined || mayWrite(model, grants))) return model
  throw new QError('unknown_type', `there is no type ${name}`, { field: path })
}

/**
 * An entity that must exist for the caller.
 *
 * @throws QError `unknown_entity`
 */
export function permittedEntity(context: CommitContext, id: string, path: string, purpose: Purpose): HotEntity {
  const { state, caller } = context
  const entity = existingEntity(state, id, path)
  const model = state.typeOf(entity)
  const grants = grantsOf(caller)
  if (visibleType(model, grants) !== undefined || (purpose === 'write' && mayWrite(model, grants))) return entity
  throw new QError('unknown_entity', `there is no entity ${id}`, { field: path })
}

/**
 * A field that must exist for the caller.
 *
 * @throws QError `unknown_field`
 */
export function permittedField(
  { caller }: CommitContext,
  { model, name }: { model: TypeModel; name: string },
  path: string,
  purpose: Purpose,
): FieldModel {
  const field = existingField(model, name, path)
  const grants = grantsOf(caller)
  if (visibleType(model, grants)?.fieldsByName.has(name) === true) return field
  if (purpose === 'write' && mayWrite(model, grants, field)) return field
  throw new QError('unknown_field', `the type ${model.name} has no field ${name}`, { field: path })
}

/** Whether the caller may see what a field holds. */
export function maySee({ caller }: CommitContext, model: TypeModel, field: FieldModel): boolean {
  return visibleType(model, grantsOf(caller))?.fieldsByName.get(field.name) !== undefined
}

/**
 * Checks that the caller may change entities of a type, or one of their fields.
 *
 * @throws QError `permission_denied`
 */
export function assertMayWrite({ caller }: CommitContext, model: TypeModel, path: string, field?: FieldModel): void {
  if (mayWrite(model, grantsOf(caller), field)) return
  const names = [...model.permissions.write, ...(field?.permissions.write ?? [])]
  const what = field === undefined ? model.name : `${model.name}.${field.name}`
  throw new QError('permission_denied', `to change ${what} needs the permissions ${names.join(', ')}`, { field: path })
}
