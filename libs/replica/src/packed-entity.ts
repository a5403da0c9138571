import type { EntityRow } from '@qcore/database'
import type { EntityCreated } from '@qcore/contracts'
import { microsFromTimestamp, type EntityState, type FieldState, type TypeModel } from '@qcore/model'
import type { CommitFacts } from './added-fields.ts'
import { internText } from './interned-text.ts'
import { packField, packFieldBytes, unpackField, type PackedField } from './packed-field.ts'

type EntityFacts = Omit<EntityState, 'fields'>

/** An entity whose fields are packed; they are unpacked when somebody asks for them. Never changed in place. */
export class PackedEntity implements EntityState {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly parentId: string
  readonly createdRevision: number
  readonly structureRevision: number
  readonly place: string
  readonly #model: TypeModel
  readonly #packed: readonly PackedField[]
  /** Given up as soon as memory is needed. */
  #unpacked: WeakRef<readonly FieldState[]> | undefined

  /** @param model of the entity's type, which may be older or newer: fields are never removed or reordered */
  constructor(facts: EntityFacts, model: TypeModel, packed: readonly PackedField[]) {
    this.id = facts.id
    this.type = model.name
    this.name = facts.name
    // Siblings share it.
    this.parentId = internText(facts.parentId)
    this.createdRevision = facts.createdRevision
    this.structureRevision = facts.structureRevision
    this.place = facts.place
    this.#model = model
    this.#packed = packed
  }

  /** From its row and the rows of its fields. */
  static fromRow(row: EntityRow, model: TypeModel): PackedEntity {
    const packed: PackedField[] = []
    for (const field of model.fields) {
      const index = row.fieldIds.indexOf(field.id, packed.length)
      const value = row.values[index]
      // Fields that were added after the row was read come last.
      if (value === undefined) break
      packed.push(
        packFieldBytes(value, {
          writeTimeUs: row.writeTimesUs[index] ?? 0,
          writer: row.writers[index] ?? '',
          revision: row.revisions[index] ?? 0,
        }),
      )
    }
    return new PackedEntity(row, model, packed)
  }

  /** As a commit created it. */
  static fromCreated({ entity, fields }: EntityCreated, model: TypeModel, facts: CommitFacts): PackedEntity {
    const given = new Map(fields.map((field) => [field.name, field]))
    const { commitTimeUs, writer, revision } = facts
    const packed: PackedField[] = []
    for (const { name } of model.fields) {
      const field = given.get(name)
      // Fields that the same commit added to the type afterwards come last.
      if (field?.value === undefined) break
      const writeTimeUs =
        field.writeTime === undefined ? commitTimeUs : Number(microsFromTimestamp(field.writeTime, 'write_time'))
      packed.push(packField(field.value, { writeTimeUs, writer, revision }))
    }
    const { id = '', name = '', parentId = '', place = '' } = entity ?? {}
    const revisions = { createdRevision: revision, structureRevision: revision }
    return new PackedEntity({ id, type: model.name, name, parentId, place, ...revisions }, model, packed)
  }

  get fields(): readonly FieldState[] {
    const known = this.#unpacked?.deref()
    if (known !== undefined) return known
    const fields = this.#packed.flatMap((packed, position) => {
      const model = this.#model.fields[position]
      return model === undefined ? [] : [unpackField(packed, model)]
    })
    this.#unpacked = new WeakRef(fields)
    return fields
  }

  /** The fields as they are kept, in the same order. */
  get packed(): readonly PackedField[] {
    return this.#packed
  }

  /** With another name, parent or place. */
  withStructure(facts: Pick<EntityFacts, 'name' | 'parentId' | 'place' | 'structureRevision'>): PackedEntity {
    const { name, parentId, place, structureRevision } = facts
    const { id, type, createdRevision } = this
    const all = { id, type, name, parentId, createdRevision, structureRevision, place }
    return new PackedEntity(all, this.#model, this.#packed)
  }

  withField(position: number, field: PackedField): PackedEntity {
    return new PackedEntity(this, this.#model, this.#packed.with(position, field))
  }

  /** With the fields that follow; `model` has them. */
  withAdded(model: TypeModel, fields: readonly PackedField[]): PackedEntity {
    return new PackedEntity(this, model, [...this.#packed, ...fields])
  }
}
