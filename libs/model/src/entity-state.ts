import { create } from '@bufbuild/protobuf'
import { EntitySchema, FieldSchema, type Entity, type Field, type ValueType } from '@qcore/contracts'
import { messageFromFieldValue, type FieldValue } from './field-value.ts'
import { timestampFromMicros } from './timestamp.ts'

/** What a field of an entity holds. Never changed in place. */
export interface FieldState {
  readonly value: FieldValue
  /** Microseconds since 1970. */
  readonly writeTimeUs: number
  readonly writer: string
  readonly revision: number
}

/** An entity and its fields. Never changed in place. */
export interface EntityState {
  readonly id: string
  readonly type: string
  readonly name: string
  /** Empty for the root. */
  readonly parentId: string
  readonly createdRevision: number
  /** The revision that last created, renamed or moved it. */
  readonly structureRevision: number
  /** Orders it among its siblings, if the type of the parent orders its children explicitly. */
  readonly place: string
  /** One a field of the type, at its position. */
  readonly fields: readonly FieldState[]
}

/** The message for an entity. */
export function messageFromEntity(entity: EntityState): Entity {
  return create(EntitySchema, {
    id: entity.id,
    type: entity.type,
    name: entity.name,
    parentId: entity.parentId,
    createdRevision: BigInt(entity.createdRevision),
    structureRevision: BigInt(entity.structureRevision),
    place: entity.place,
  })
}

/** The message for a field; `from` names the entity and the field where the reader cannot know them. */
export function messageFromField(type: ValueType, state: FieldState, from?: { entityId: string; name: string }): Field {
  const field = create(FieldSchema)
  field.value = messageFromFieldValue(type, state.value)
  field.writeTime = timestampFromMicros(state.writeTimeUs)
  field.writer = state.writer
  field.revision = BigInt(state.revision)
  if (from !== undefined) {
    field.entityId = from.entityId
    field.name = from.name
  }
  return field
}
