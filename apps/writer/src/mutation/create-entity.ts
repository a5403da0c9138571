import { randomUUIDv7 } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { MutationResultSchema, type CreateEntity, type MutationResult } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { limits, type FieldState, type TypeModel } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { existingField } from '../commit/group-state.ts'
import { sizeOfEntity, type HotEntity } from '../commit/hot-entity.ts'
import { GroupBreak } from '../commit/group-break.ts'
import { assertName, assertNameFree, placeUnder } from './entity-place.ts'
import { checkExpression } from '../transformation/check-expression.ts'
import { assertMayWrite, permittedEntity, permittedField, permittedType } from './permitted.ts'
import { assertReferences, ownFieldValue, rememberReferences } from './set-field.ts'

/** The type of the one root. */
export const rootType = 'Root'

/**
 * Creates an entity.
 *
 * @throws QError `unknown_type`, `unknown_entity`, `unknown_field`, `root_protected`, `entity_exists`,
 *   `name_taken`, `permission_denied`, `invalid_request`, and what is wrong with a value
 */
export function createEntity(context: CommitContext, mutation: CreateEntity, path: string): MutationResult {
  const { state } = context
  if (mutation.type === rootType) {
    throw new QError('root_protected', 'there is no second root', { field: `${path}.type` })
  }
  const model = permittedType(context, mutation.type, `${path}.type`)
  assertMayWrite(context, model, `${path}.type`)
  const parent = permittedEntity(context, mutation.parentId, `${path}.parent_id`, 'read')
  const depth = state.structure.depthOf(parent) + 1
  if (depth > limits.treeDepth) {
    throw new QError('value_out_of_range', `the tree has at most ${limits.treeDepth} levels`, {
      field: `${path}.parent_id`,
    })
  }
  const id = mutation.entityId === '' ? randomUUIDv7() : freeId(context, mutation.entityId, `${path}.entity_id`)
  const { name, parentId } = mutation
  assertName(name, `${path}.name`)
  assertNameFree(context, { parent, name, id }, `${path}.name`)
  const place = placeUnder(context, { parent, beforeId: mutation.beforeId, id }, `${path}.before_id`)
  const fields = initialFields(context, model, { given: mutation.fields, path })
  const entity = addEntity(context, { id, type: model.name, name, parentId, place, depth, fields })
  state.structure.placeNew(entity, state.typeOf(parent))
  // Checked now, for the entity may refer to itself.
  for (const fieldName of Object.keys(mutation.fields)) {
    const field = existingField(model, fieldName, path)
    const held = fields[field.position]
    if (held !== undefined) assertReferences(context, field, held, fieldPath(path, fieldName))
  }
  return create(MutationResultSchema, { entityId: id, changed: true })
}

/** Adds an entity that was checked. */
export function addEntity(
  context: CommitContext,
  facts: Omit<HotEntity, 'createdRevision' | 'structureRevision' | 'bytes'>,
): HotEntity {
  const { state, changes, revision } = context
  const bytes = sizeOfEntity(facts)
  const entity: HotEntity = { ...facts, createdRevision: revision, structureRevision: revision, bytes }
  state.addEntity(entity)
  changes.add({ kind: 'created', entityId: entity.id })
  const model = state.typeOf(entity)
  for (const field of model.fields) {
    const held = entity.fields[field.position]
    if (held !== undefined) rememberReferences(context, entity.id, field, held)
  }
  return entity
}

/** The states that the fields of a new entity begin with: the given values, and defaults. */
export function initialFields(
  context: CommitContext,
  model: TypeModel,
  { given, path }: { given: CreateEntity['fields']; path: string },
): FieldState[] {
  const { revision, timeUs, caller } = context
  const writer = caller.subject
  const fields = model.fields.map((field) => ({ value: field.defaultValue, writeTimeUs: timeUs, writer, revision }))
  for (const [name, value] of Object.entries(given)) {
    const field = permittedField(context, { model, name }, fieldPath(path, name), 'write')
    assertMayWrite(context, model, fieldPath(path, name), field)
    const checked = ownFieldValue(field, value, fieldPath(path, name))
    checkExpression(context, field, checked, fieldPath(path, name))
    fields[field.position] = { value: checked, writeTimeUs: timeUs, writer, revision }
  }
  return fields
}

function freeId({ state }: CommitContext, id: string, path: string): string {
  if (state.entity(id) !== undefined) throw new QError('entity_exists', `the id ${id} is taken`, { field: path })
  if (state.entityBeforeCommit(id) !== undefined) {
    throw new QError('entity_exists', `the id ${id} is taken until this commit, which deletes it, is over`, {
      field: path,
    })
  }
  // The deletion and the creation of one row do not go into one statement.
  if (state.storedEntity(id) !== undefined) throw new GroupBreak()
  return id
}

function fieldPath(path: string, name: string): string {
  return `${path}.fields["${name}"]`
}
