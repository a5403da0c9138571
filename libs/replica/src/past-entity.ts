import type { Entity, FieldState as FieldStateMessage } from '@qcore/contracts'
import type { EntityRow } from '@qcore/database'
import { microsFromTimestamp, type EntityState, type FieldModel, type FieldState, type TypeModel } from '@qcore/model'
import type { TypeLookup } from './cached-entity.ts'
import {
  decodeEntityChanged,
  decodeEntityDeleted,
  decodeFieldChange,
  decodeSchemaChanged,
  type ChangeOutline,
} from './change-outline.ts'
import { fieldOrigin } from './field-origin.ts'
import type { LogRecord } from './log-record.ts'
import { PackedEntity } from './packed-entity.ts'
import { storedValue } from './packed-field.ts'

/** What a field held. The value is absent where the log has it at the revision that wrote it. */
type PastField = Omit<FieldState, 'value'> & Partial<Pick<FieldState, 'value'>>

type EntityFacts = Omit<EntityState, 'fields'>

/** An entity on its way back to a revision. */
export class PastEntity {
  #facts: EntityFacts
  readonly #type: TypeModel
  #fields: PastField[]

  private constructor(facts: EntityFacts, type: TypeModel, fields: PastField[]) {
    this.#facts = facts
    this.#type = type
    this.#fields = fields
  }

  /** As it is. */
  static fromRow(row: EntityRow, type: TypeModel): PastEntity {
    const { fields, ...facts } = unpacked(PackedEntity.fromRow(row, type))
    return new PastEntity(facts, type, [...fields])
  }

  /** As it was when a commit deleted it. */
  static fromDeleted({ changes }: LogRecord, id: string, typeOf: TypeLookup): PastEntity | undefined {
    const deletion = changes.find((change) => change.kind === 'entity_deleted' && change.entityId === id)
    const { entity, fields: recorded = [] } = deletion === undefined ? {} : decodeEntityDeleted(deletion)
    const type = entity === undefined ? undefined : typeOf(entity.type)
    if (entity === undefined || type === undefined) return undefined
    const states = new Map(recorded.map((field) => [field.name, field]))
    const fields: PastField[] = []
    for (const field of type.fields) {
      const state = states.get(field.name)
      // Fields that were added to the type since come last.
      if (state === undefined) break
      fields.push(recordedField(state, field))
    }
    return new PastEntity(factsOf(entity), type, fields)
  }

  get id(): string {
    return this.#facts.id
  }

  get createdRevision(): number {
    return this.#facts.createdRevision
  }

  get state(): EntityState {
    const fields = this.#fields.map(({ value, ...rest }): FieldState => {
      if (value === undefined) throw new Error('a value was not filled in')
      return { ...rest, value }
    })
    return { ...this.#facts, fields }
  }

  /** The revisions that wrote its fields last, by name; and under the empty name the one that put it where it is. */
  get lastWrites(): Map<string, number> {
    const fields = this.#fields.map(
      ({ revision }, position) => [this.#type.fields[position]?.name ?? '', revision] as const,
    )
    return new Map([...fields, ['', this.#facts.structureRevision]])
  }

  /** The revisions after one that wrote what it is: its fields, its name, its parent. */
  revisionsAfter(revision: number): number[] {
    const { structureRevision } = this.#facts
    const later = this.#fields.flatMap((field) => (field.revision > revision ? [field.revision] : []))
    return structureRevision > revision ? [...later, structureRevision] : later
  }

  /** Takes what a commit wrote to what it was before. */
  stepBack(record: LogRecord): void {
    if (this.#facts.structureRevision === record.revision) this.#facts = this.#factsBefore(record)
    for (const [position, field] of this.#fields.entries()) {
      const model = this.#type.fields[position]
      if (model === undefined || field.revision !== record.revision) continue
      const origin = fieldOrigin(record, this.#facts, model.name)
      if (origin === undefined) {
        throw new Error(`revision ${field.revision} does not tell what ${this.id}.${model.name} held before`)
      }
      if (origin.previous === undefined) {
        // It was added to the type since, and so were those behind it.
        this.#fields.length = position
        return
      }
      this.#fields[position] = recordedField(origin.previous, model)
    }
  }

  #factsBefore(record: LogRecord): EntityFacts {
    const { id } = this.#facts
    const change = record.changes.find((each) => each.kind === 'entity_changed' && each.entityId === id)
    const previous = change === undefined ? undefined : decodeEntityChanged(change).previous
    if (previous !== undefined) return factsOf(previous)
    throw new Error(`revision ${record.revision} does not tell where ${id} was before`)
  }

  /** Takes a field, or the structure, to what it was before its first change after a revision. */
  stepTo(change: ChangeOutline, revision: number): void {
    if (change.kind === 'entity_changed' && this.#facts.structureRevision > revision) {
      const { previous } = decodeEntityChanged(change)
      if (previous !== undefined) this.#facts = factsOf(previous)
    }
    if (change.kind !== 'field_changed') return
    const model = this.#type.fieldsByName.get(change.name)
    const field = model && this.#fields[model.position]
    if (model === undefined || field === undefined || field.revision <= revision) return
    const { previous } = decodeFieldChange(change)
    if (previous !== undefined) this.#fields[model.position] = recordedField(previous, model)
  }

  /** Drops the fields that a change of the schema added. */
  dropAdded(change: ChangeOutline): void {
    const { schema, previous } = decodeSchemaChanged(change)
    const known = previous?.fields.length ?? 0
    if (schema?.type === this.#facts.type && this.#fields.length > known) this.#fields.length = known
  }

  /** The revisions that wrote the values that are absent. */
  revisionsWithoutValue(): number[] {
    return this.#fields.flatMap((field) => (field.value === undefined ? [field.revision] : []))
  }

  /** Fills in the absent values that a commit wrote. */
  fillValues(record: LogRecord): void {
    for (const [position, field] of this.#fields.entries()) {
      const model = this.#type.fields[position]
      if (model === undefined || field.value !== undefined || field.revision !== record.revision) continue
      const origin = fieldOrigin(record, this.#facts, model.name)
      this.#fields[position] = { ...field, value: storedValue(model, origin?.value) }
    }
  }
}

function unpacked(entity: PackedEntity): EntityState {
  const { id, type, name, parentId, createdRevision, structureRevision, place, fields } = entity
  return { id, type, name, parentId, createdRevision, structureRevision, place, fields }
}

function factsOf({ id, type, name, parentId, createdRevision, structureRevision, place }: Entity): EntityFacts {
  const created = Number(createdRevision)
  // Records of before there were renames do not say it.
  const structure = Math.max(created, Number(structureRevision))
  return { id, type, name, parentId, createdRevision: created, structureRevision: structure, place }
}

function recordedField(recorded: FieldStateMessage, model: FieldModel): PastField {
  return {
    ...(recorded.value === undefined ? {} : { value: storedValue(model, recorded.value) }),
    writeTimeUs: recorded.writeTime === undefined ? 0 : Number(microsFromTimestamp(recorded.writeTime, 'write_time')),
    writer: recorded.writer,
    revision: Number(recorded.revision),
  }
}
