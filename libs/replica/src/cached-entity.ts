import type { TypeModel } from '@qcore/model'
import { addedFields, type AddedFields } from './added-fields.ts'
import {
  decodeEntityCreated,
  decodeSchemaChanged,
  type ChangeOutline,
  type FieldChangeOutline,
} from './change-outline.ts'
import type { LogRecord } from './log-record.ts'
import { PackedEntity } from './packed-entity.ts'
import { packFieldBytes, type PackedField } from './packed-field.ts'

/** Bytes of memory, measured on V8 without pointer compression: of an entity, and of a field besides its characters. */
const entityBytes = 480
const fieldBytes = 32

/** An entity in the cache. It is the same object for as long as the entity is cached; its state is replaced. */
export class CachedEntity {
  #state: PackedEntity | null
  /** About how many bytes of memory it takes. */
  size: number
  accountedSize = 0

  constructor(state: PackedEntity | null) {
    this.#state = state
    this.size = sizeOf(state)
  }

  /** Null: there is no such entity. */
  get state(): PackedEntity | null {
    return this.#state
  }

  replace(state: PackedEntity | null): void {
    this.#state = state
    this.size = sizeOf(state)
  }

  replaceField(position: number, field: PackedField): void {
    const previous = this.#state?.packed[position]
    if (this.#state === null || previous === undefined) return
    this.#state = this.#state.withField(position, field)
    this.size += field.length - previous.length
  }

  /** Adds the fields of its type that it does not have yet. */
  addFields({ model, position, fields }: AddedFields): void {
    if (this.#state === null || this.#state.type !== model.name) return
    const missing = fields.slice(Math.max(0, this.#state.packed.length - position))
    if (missing.length > 0) this.replace(this.#state.withAdded(model, missing))
  }
}

function sizeOf(state: PackedEntity | null): number {
  return (state?.packed ?? []).reduce((size, field) => size + fieldBytes + field.length, entityBytes)
}

/** Gives the model of a type that is at least as new as the record that is applied. */
export type TypeLookup = (type: string) => TypeModel | undefined

/** Applies a change to an entity that it concerns: its own, or one of its schema. */
export function applyToEntity(
  entity: CachedEntity,
  change: ChangeOutline,
  { record, typeOf }: { record: LogRecord; typeOf: TypeLookup },
): void {
  switch (change.kind) {
    case 'field_changed': {
      const field = typeOf(change.type)?.fieldsByName.get(change.name)
      if (field !== undefined) entity.replaceField(field.position, packChange(change, record))
      return
    }
    case 'entity_created': {
      const type = typeOf(change.type)
      if (type === undefined) throw new Error(`entity ${change.entityId} is of unknown type ${change.type}`)
      return entity.replace(PackedEntity.fromCreated(decodeEntityCreated(change), type, record))
    }
    case 'entity_changed':
      if (entity.state !== null)
        entity.replace(entity.state.withStructure({ ...change, structureRevision: record.revision }))
      return
    case 'entity_deleted':
      return entity.replace(null)
    case 'schema_changed': {
      const added = addedFields(decodeSchemaChanged(change), record)
      if (added !== undefined) entity.addFields(added)
      return
    }
    case 'other':
      return
  }
}

function packChange(change: FieldChangeOutline, { commitTimeUs, writer, revision }: LogRecord): PackedField {
  const { value, writeTimeUs = commitTimeUs } = change
  if (value === undefined) throw new Error(`revision ${revision} writes a field without a value`)
  return packFieldBytes(value, { writeTimeUs, writer, revision })
}
