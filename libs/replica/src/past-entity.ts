import type { CommitRecord, FieldState as FieldStateMessage } from '@qcore/contracts'
import type { EntityRow } from '@qcore/database'
import { microsFromTimestamp, type EntityState, type FieldModel, type FieldState, type TypeModel } from '@qcore/model'
import type { TypeLookup } from './cached-entity.ts'
import { decodeFieldChange, decodeSchemaChanged, type ChangeOutline } from './change-outline.ts'
import { changeOfField, valueGiven, type PastLog } from './past-log.ts'
import { PackedEntity } from './packed-entity.ts'
import { storedValue } from './packed-field.ts'

/** What a field held. The value is absent where the log has it at the revision that wrote it. */
type PastField = Omit<FieldState, 'value'> & Partial<Pick<FieldState, 'value'>>

type EntityFacts = Omit<EntityState, 'fields'>

/** An entity on its way back to a revision. */
export class PastEntity {
  readonly #facts: EntityFacts
  readonly #type: TypeModel
  #fields: PastField[]

  private constructor(facts: EntityFacts, type: TypeModel, fields: PastField[]) {
    this.#facts = facts
    this.#type = type
    this.#fields = fields
  }

  /** As it is. */
  static fromRow(row: EntityRow, type: TypeModel): PastEntity {
    const { id, name, parentId, createdRevision, fields } = PackedEntity.fromRow(row, type)
    return new PastEntity({ id, type: type.name, name, parentId, createdRevision }, type, [...fields])
  }

  /** As it was when a commit deleted it. */
  static fromDeleted({ changes }: CommitRecord, id: string, typeOf: TypeLookup): PastEntity | undefined {
    for (const { kind } of changes) {
      if (kind.case !== 'entityDeleted' || kind.value.entity?.id !== id) continue
      const { type: typeName, name, parentId, createdRevision } = kind.value.entity
      const type = typeOf(typeName)
      if (type === undefined) return undefined
      const recorded = new Map(kind.value.fields.map((field) => [field.name, field]))
      const fields: PastField[] = []
      for (const field of type.fields) {
        const state = recorded.get(field.name)
        // Fields that were added to the type since come last.
        if (state === undefined) break
        fields.push(recordedField(state, field))
      }
      return new PastEntity(
        { id, type: typeName, name, parentId, createdRevision: Number(createdRevision) },
        type,
        fields,
      )
    }
    return undefined
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

  /** The revisions of fields that were written after one. */
  revisionsAfter(revision: number): number[] {
    return this.#fields.flatMap((field) => (field.revision > revision ? [field.revision] : []))
  }

  /** Takes every field that was written after a revision one write back. The log must have those writes. */
  stepBack(log: PastLog, revision: number): void {
    for (const [position, field] of this.#fields.entries()) {
      const model = this.#type.fields[position]
      if (model === undefined || field.revision <= revision) continue
      const change = changeOfField(log.at(field.revision), this.#facts, model.name)
      if (change?.case === 'fieldChanged' && change.value.previous !== undefined) {
        this.#fields[position] = recordedField(change.value.previous, model)
      } else if (change?.case === 'schemaChanged') {
        // It was added to the type since, and so were those behind it.
        this.#fields.length = position
        return
      } else {
        throw new Error(`revision ${field.revision} does not tell what ${this.id}.${model.name} held before`)
      }
    }
  }

  /** Takes a field to what it held before its first write after a revision. */
  stepTo(change: ChangeOutline, revision: number): void {
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

  /** Fills those values in. The log must have the writes. */
  fillValues(log: PastLog): void {
    for (const [position, field] of this.#fields.entries()) {
      const model = this.#type.fields[position]
      if (model === undefined || field.value !== undefined) continue
      const change = changeOfField(log.at(field.revision), this.#facts, model.name)
      this.#fields[position] = { ...field, value: storedValue(model, valueGiven(change, model.name)) }
    }
  }
}

function recordedField(recorded: FieldStateMessage, model: FieldModel): PastField {
  return {
    ...(recorded.value === undefined ? {} : { value: storedValue(model, recorded.value) }),
    writeTimeUs: recorded.writeTime === undefined ? 0 : Number(microsFromTimestamp(recorded.writeTime, 'write_time')),
    writer: recorded.writer,
    revision: Number(recorded.revision),
  }
}
