import { ValueType, type Value } from '@qcore/contracts'
import {
  checkedFieldValue,
  referencedIds,
  type BinaryFileValue,
  type FieldModel,
  type FieldState,
  type FieldValue,
} from '@qcore/model'
import { QError } from '@qcore/errors'
import type { CommitContext } from '../commit/commit-context.ts'
import { existingEntity } from '../commit/group-state.ts'
import { sizeOfValue, type HotEntity } from '../commit/hot-entity.ts'

/** Gives a field of an existing entity a new state, and adds the change to the commit's. */
export function setField(context: CommitContext, entity: HotEntity, field: FieldModel, state: FieldState): void {
  const previous = entity.fields[field.position]
  const fields = entity.fields.slice()
  fields[field.position] = state
  const changed: HotEntity = {
    id: entity.id,
    type: entity.type,
    name: entity.name,
    parentId: entity.parentId,
    createdRevision: entity.createdRevision,
    structureRevision: entity.structureRevision,
    place: entity.place,
    depth: entity.depth,
    fields,
    bytes: entity.bytes + sizeOfValue(state.value) - (previous === undefined ? 0 : sizeOfValue(previous.value)),
  }
  context.state.setEntity(entity.id, changed)
  rememberReferences(context, entity.id, field, state)
  if (previous?.revision !== context.revision) {
    context.changes.add({ kind: 'field', entity, field, state, previous })
    return
  }
  // The commit has written it before: it is one change, or part of the entity's creation.
  const earlier = context.changes.fieldChange(entity.id, field)
  if (earlier !== undefined) earlier.state = state
  else if (entity.createdRevision !== context.revision) {
    context.changes.add({ kind: 'field', entity, field, state, previous: undefined })
  }
}

/** Lets a later deletion of the entities that a value refers to find the field. */
export function rememberReferences(
  { state: store }: CommitContext,
  entityId: string,
  field: FieldModel,
  state: FieldState,
): void {
  for (const targetId of referencedIds(field.valueType, state.value)) {
    store.addHolder(targetId, { entityId, fieldId: field.id })
  }
}

/**
 * Checks that the entities that a value refers to exist, and that a list names each once.
 *
 * @throws QError `unknown_entity`, `value_out_of_range`
 */
export function assertReferences(
  { state: store }: CommitContext,
  field: FieldModel,
  state: Pick<FieldState, 'value'>,
  path: string,
): void {
  const ids = referencedIds(field.valueType, state.value)
  for (const id of ids) existingEntity(store, id, path)
  if (ids.length > 1 && new Set(ids).size < ids.length) {
    throw new QError('value_out_of_range', 'a list names no entity twice', { field: path })
  }
}

/** A checked value that can be kept: a file's content would otherwise keep the whole message that it came in. */
export function ownFieldValue(field: FieldModel, message: Value | undefined, path: string): FieldValue {
  const value = checkedFieldValue(field, message, path)
  if (field.valueType !== ValueType.BINARY_FILE) return value
  const { mediaType, content } = value as BinaryFileValue
  return { mediaType, content: content.slice() }
}
