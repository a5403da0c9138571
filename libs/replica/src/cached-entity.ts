import type { EntityState, FieldState, TypeModel } from '@qcore/model'
import { decodeEntityCreated, decodeFieldChange, decodeSchemaChanged, type ChangeOutline } from './change-outline.ts'
import { entitySize, fieldSize } from './field-size.ts'
import type { LogRecord } from './log-record.ts'
import { addedFields, entityFromCreated, fieldFromChange, type AddedFields } from './stored-state.ts'

/** An entity in the cache. It is the same object for as long as the entity is cached; its state is replaced. */
export class CachedEntity {
  #state: EntityState | null
  /** About how many bytes of memory it takes. */
  size: number
  accountedSize = 0
  /**
   * What a service keeps of a field to answer faster, by position: the bytes of a message as a string of one byte a
   * character, which takes a quarter of the memory of a Uint8Array. Dropped when the field changes.
   */
  encodings: (string | undefined)[] = []

  constructor(state: EntityState | null) {
    this.#state = state
    this.size = entitySize(state)
  }

  /** Null: there is no such entity. */
  get state(): EntityState | null {
    return this.#state
  }

  replace(state: EntityState | null): void {
    this.#state = state
    this.size = entitySize(state)
    this.encodings = []
  }

  replaceField(position: number, field: FieldState): void {
    const previous = this.#state?.fields[position]
    if (this.#state === null || previous === undefined) return
    this.#state = withFields(this.#state, this.#state.fields.with(position, field))
    this.size += fieldSize(field) - fieldSize(previous)
    if (position < this.encodings.length) this.encodings[position] = undefined
  }

  /** Adds the fields of its type that it does not have yet. */
  addFields({ type, position, fields }: AddedFields): void {
    const state = this.#state
    if (state === null || state.type !== type) return
    const missing = fields.slice(Math.max(0, state.fields.length - position))
    if (missing.length === 0) return
    this.#state = withFields(state, [...state.fields, ...missing])
    for (const field of missing) this.size += fieldSize(field)
  }
}

function withFields(state: EntityState, fields: readonly FieldState[]): EntityState {
  const { id, type, name, parentId, createdRevision } = state
  return { id, type, name, parentId, createdRevision, fields }
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
      if (field !== undefined) {
        entity.replaceField(field.position, fieldFromChange(decodeFieldChange(change), field, record))
      }
      return
    }
    case 'entity_created': {
      const type = typeOf(change.type)
      if (type === undefined) throw new Error(`entity ${change.entityId} is of unknown type ${change.type}`)
      return entity.replace(entityFromCreated(decodeEntityCreated(change), type, record))
    }
    case 'entity_deleted':
      return entity.replace(null)
    case 'schema_changed':
      return entity.addFields(addedFields(decodeSchemaChanged(change), record))
    case 'other':
      return
  }
}
