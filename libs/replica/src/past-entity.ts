import { fromBinary } from '@bufbuild/protobuf'
import { ValueSchema, type Entity, type FieldState as FieldStateMessage, type Value } from '@qcore/contracts'
import type { EntityRow, FormerFieldRow } from '@qcore/database'
import { QError } from '@qcore/errors'
import { microsFromTimestamp, type EntityState, type FieldModel, type FieldState, type TypeModel } from '@qcore/model'
import { decodeEntityChanged, decodeEntityDeleted, decodeFieldChange, type ChangeOutline } from './change-outline.ts'
import { fieldOrigin } from './field-origin.ts'
import type { LogRecord } from './log-record.ts'
import { storedValue } from './packed-field.ts'
import type { TypeHistory } from './type-history.ts'
import type { LeftOutValue } from './written-values.ts'

/** What a field held. The value is absent where the log has it at the revision that wrote it. */
type PastField = Omit<FieldState, 'value'> & Partial<Pick<FieldState, 'value'>>

type EntityFacts = Omit<EntityState, 'fields'>

/** What an entity of the past is found with. */
export interface PastOrigin {
  readonly history: TypeHistory
  /** The revision that is wanted. */
  readonly revision: number
  /** What the entity held since then in fields that were taken away; the earliest first. */
  readonly former: readonly FormerFieldRow[]
}

/** An entity on its way back to a revision. */
export class PastEntity {
  #facts: EntityFacts
  /** The type at the revision. */
  readonly #type: TypeModel
  readonly #history: TypeHistory
  readonly #fields: PastField[]

  private constructor(facts: EntityFacts, type: TypeModel, history: TypeHistory, fields: PastField[]) {
    this.#facts = facts
    this.#type = type
    this.#history = history
    this.#fields = fields
  }

  /** As it is: fields that its type has no longer, as they were when they were taken away. */
  static fromRow(row: EntityRow, { history, revision, former }: PastOrigin): PastEntity {
    const type = typeThen(history, row.type, revision)
    const fields = type.fields.map((field) => {
      const index = row.fieldIds.indexOf(field.id)
      const value = row.values[index]
      if (value === undefined) return formerState(field, former)
      return {
        value: storedValue(field, fromBinary(ValueSchema, value)),
        writeTimeUs: row.writeTimesUs[index] ?? 0,
        writer: row.writers[index] ?? '',
        revision: row.revisions[index] ?? 0,
      }
    })
    const { id, name, parentId, createdRevision, structureRevision, place } = row
    const facts = { id, type: type.name, name, parentId, createdRevision, structureRevision, place }
    return new PastEntity(facts, type, history, fields)
  }

  /** As it was when a commit deleted it. */
  static fromDeleted(record: LogRecord, id: string, { history, revision, former }: PastOrigin): PastEntity | undefined {
    const deletion = record.changes.find((change) => change.kind === 'entity_deleted' && change.entityId === id)
    const { entity, fields: recorded = [] } = deletion === undefined ? {} : decodeEntityDeleted(deletion)
    if (entity === undefined) return undefined
    const type = typeThen(history, entity.type, revision)
    const last = typeThen(history, entity.type, record.revision)
    const states = new Map(recorded.map((state) => [last.fieldsByName.get(state.name)?.id, state]))
    const fields = type.fields.map((field) => {
      const state = states.get(field.id)
      return state === undefined ? formerState(field, former) : recordedField(state, field)
    })
    return new PastEntity(factsOf(entity), type, history, fields)
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
      const name = this.#nameAt(model, record.revision)
      const previous = fieldOrigin(record, this.#facts, name)?.previous
      if (previous === undefined) {
        throw new Error(`revision ${field.revision} does not tell what ${this.id}.${name} held before`)
      }
      this.#fields[position] = recordedField(previous, model)
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
  stepTo(change: ChangeOutline, { of, revision }: { of: number; revision: number }): void {
    if (change.kind === 'entity_changed' && this.#facts.structureRevision > revision) {
      const { previous } = decodeEntityChanged(change)
      if (previous !== undefined) this.#facts = factsOf(previous)
    }
    if (change.kind !== 'field_changed') return
    const id = this.#history.at(this.#facts.type, of)?.fieldsByName.get(change.name)?.id
    const model = this.#type.fields.find((field) => field.id === id)
    const field = model && this.#fields[model.position]
    if (model === undefined || field === undefined || field.revision <= revision) return
    const { previous } = decodeFieldChange(change)
    if (previous !== undefined) this.#fields[model.position] = recordedField(previous, model)
  }

  /** The values that are absent, as they are found in the log. */
  lackingValues(namedAt: number): LeftOutValue[] {
    const { id: entityId, type } = this.#facts
    return this.#type.fields.flatMap(({ name: field, position }) => {
      const state = this.#fields[position]
      if (state === undefined || state.value !== undefined) return []
      return [{ entityId, type, field, namedAt, revision: state.revision }]
    })
  }

  /** Fills in an absent value. */
  fillValue(name: string, value: Value | undefined): void {
    const model = this.#type.fieldsByName.get(name)
    const state = model && this.#fields[model.position]
    if (model === undefined || state === undefined) return
    if (value === undefined) throw new QError('compacted', `nothing tells any more what ${this.id}.${name} held`)
    this.#fields[model.position] = { ...state, value: storedValue(model, value) }
  }

  /** What a field was called at a later revision. */
  #nameAt({ id, name }: FieldModel, revision: number): string {
    const then = this.#history.at(this.#facts.type, revision)
    return then?.fields.find((field) => field.id === id)?.name ?? name
  }
}

function typeThen(history: TypeHistory, name: string, revision: number): TypeModel {
  const type = history.at(name, revision)
  if (type === undefined)
    throw new QError('compacted', `nothing tells what the type ${name} was at revision ${revision}`)
  return type
}

/** What an entity held in a field when it was taken away. */
function formerState(field: FieldModel, former: readonly FormerFieldRow[]): PastField {
  const held = former.find(({ fieldId }) => fieldId === field.id)
  if (held === undefined) throw new QError('compacted', `nothing tells any more what was held in ${field.name}`)
  const { value, writeTimeUs, writer, sinceRevision } = held
  return { value: storedValue(field, fromBinary(ValueSchema, value)), writeTimeUs, writer, revision: sinceRevision }
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
