import type { GroupRows } from '@qcore/database'
import { indexKey, referencedIds, type FieldModel, type FieldState } from '@qcore/model'
import type { ProtoWriter } from '@qcore/transport'
import { encodeValue } from '../record/encode-value.ts'
import type { EventState } from '../event/event-state.ts'
import type { GroupState } from './group-state.ts'
import type { HotEntity } from './hot-entity.ts'

function addEvents(rows: GroupRows['events'], { emitted, delayed, released, keys }: EventState): void {
  for (const event of emitted) rows.addEmitted(event)
  for (const event of delayed) rows.addDelayed(event)
  for (const place of released) rows.addReleased(place)
  for (const key of keys) rows.addKey(key)
}

/** Turns what a group did into rows: the net effect, so that no row is written twice. */
export class GroupEffect {
  readonly #rows: GroupRows
  readonly #state: GroupState
  readonly #scratch: ProtoWriter
  /** Of so many of the changed entities there are rows. */
  #entities = 0
  /** `changesAgain` of the state when they were made. */
  #changesAgain = 0

  constructor(rows: GroupRows, state: GroupState, scratch: ProtoWriter) {
    this.#rows = rows
    this.#state = state
    this.#scratch = scratch
  }

  /** Adds rows of what the commits did so far, which spares `finish` the time, unless a later one changes the same entities. */
  anticipate(): void {
    if (this.#entities > 0 && this.#state.changesAgain > this.#changesAgain) return
    this.#changesAgain = this.#state.changesAgain
    this.#addEntities()
  }

  /** Adds all rows. */
  finish(): void {
    const state = this.#state
    if (state.changesAgain > this.#changesAgain) {
      this.#rows.resetEntities()
      this.#entities = 0
    }
    this.#addEntities()
    for (const place of state.formerPlaces) this.#rows.addFormerPlace(place)
    for (const tombstone of state.tombstones) this.#rows.addTombstone(tombstone)
    addEvents(this.#rows.events, state.events)
    state.schedules.addRows(this.#rows)
    for (const row of state.config?.rows ?? []) this.#rows.addConfig(row)
  }

  #addEntities(): void {
    const state = this.#state
    let position = 0
    for (const id of state.changedIds()) {
      if (position++ < this.#entities) continue
      const entity = state.entity(id)
      const stored = state.storedEntity(id)
      if (entity === undefined) {
        this.#rows.addDeletedEntity(id)
        if (stored !== undefined) this.#dereference(state, stored)
      } else if (stored === undefined) {
        this.#create(state, entity)
      } else {
        this.#update(state, entity, stored)
      }
    }
    this.#entities = position
  }

  #dereference(state: GroupState, stored: HotEntity): void {
    for (const field of state.typeOf(stored).fields) {
      const held = stored.fields[field.position]
      if (held === undefined) continue
      for (const targetId of referencedIds(field.valueType, held.value)) {
        this.#rows.addDeletedReference(targetId, stored.id, field.id)
      }
    }
  }

  #create(state: GroupState, entity: HotEntity): void {
    const { id } = entity
    this.#rows.addEntity(entity)
    for (const field of state.typeOf(entity).fields) {
      const held = entity.fields[field.position]
      if (held === undefined) continue
      this.#addField(id, field, held)
      for (const targetId of referencedIds(field.valueType, held.value)) this.#rows.addReference(targetId, id, field.id)
    }
  }

  #update(state: GroupState, entity: HotEntity, stored: HotEntity): void {
    if (entity.structureRevision !== stored.structureRevision) {
      this.#rows.addChangedEntity(entity)
    }
    const model = state.typeOf(entity)
    for (let position = 0; position < entity.fields.length; position++) {
      const held = entity.fields[position]
      const before = stored.fields[position]
      const field = model.fields[position]
      if (held === undefined || held === before || field === undefined) continue
      this.#addField(entity.id, field, held)
      this.#updateReferences(entity.id, field, { held, before })
    }
  }

  #updateReferences(
    entityId: string,
    field: FieldModel,
    { held, before }: { held: FieldState; before: FieldState | undefined },
  ): void {
    const now = referencedIds(field.valueType, held.value)
    const then = before === undefined ? [] : referencedIds(field.valueType, before.value)
    if (now.length === 0 && then.length === 0) return
    const nowIds = new Set(now)
    const thenIds = new Set(then)
    for (const id of nowIds) if (!thenIds.has(id)) this.#rows.addReference(id, entityId, field.id)
    for (const id of thenIds) if (!nowIds.has(id)) this.#rows.addDeletedReference(id, entityId, field.id)
  }

  #addField(entityId: string, field: FieldModel, state: FieldState): void {
    const scratch = this.#scratch
    scratch.rewind()
    encodeValue(scratch, field.valueType, state.value)
    this.#rows.addField({
      entityId,
      fieldId: field.id,
      value: scratch.slice(0, scratch.length),
      writeTimeUs: state.writeTimeUs,
      writer: state.writer,
      revision: state.revision,
      key: field.indexed ? indexKey(field.valueType, state.value) : undefined,
    })
  }
}
