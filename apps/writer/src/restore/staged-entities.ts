import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { ValueSchema, type Entity } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import {
  checkedFieldValue,
  isPlace,
  microsFromTimestamp,
  type FieldModel,
  type FieldValue,
  type TypeModel,
} from '@qcore/model'
import { createMessageCheck } from '@qcore/transport'
import { rootType } from '../mutation/create-entity.ts'
import { assertName } from '../mutation/entity-place.ts'
import type { JsonField } from './snapshot-file.ts'
import type { StagedRows } from './staged-rows.ts'
import type { StagedTypes } from './staged-types.ts'

const idPattern = /^[A-Za-z0-9_-]{1,64}$/
const fieldMembers = new Set(['name', 'value', 'writeTime', 'writer', 'revision'])

interface OpenEntity {
  readonly id: string
  readonly model: TypeModel
  readonly missing: Map<string, FieldModel>
}

/** Checks entities and their fields as a commit would, and stages them. What is wrong becomes a problem of the plan. */
export class StagedEntities {
  readonly #types: StagedTypes
  readonly #rows: StagedRows
  readonly #given: { readonly writeTimeUs: number; readonly writer: string }
  readonly #check = createMessageCheck()
  #open: OpenEntity | undefined
  #timeText: JsonValue | undefined
  #timeUs = 0

  /** @param given the time and the writer of fields that the file leaves out */
  constructor(types: StagedTypes, rows: StagedRows, given: { writeTimeUs: number; writer: string }) {
    this.#types = types
    this.#rows = rows
    this.#given = given
  }

  /** Begins with the next entity. */
  begin(entity: Entity): void {
    this.end()
    const { id, type, name, parentId, place } = entity
    const model = this.#types.get(type)
    this.#guard(id, id, () => {
      if (!idPattern.test(id)) throw new QError('invalid_request', `${id} is no id`)
      if (parentId !== '' && !idPattern.test(parentId)) throw new QError('invalid_request', `${parentId} is no id`)
      assertName(name, id)
      if (place !== '' && !isPlace(place)) throw new QError('invalid_request', `${place} is no place`)
      if ((type === rootType) !== (parentId === '')) {
        throw new QError('root_protected', `the one entity without a parent is of type ${rootType}`)
      }
      if (model === undefined) throw new QError('unknown_type', `the file has no type ${type}`)
    })
    this.#rows.addEntity(entity)
    this.#open = model === undefined ? undefined : { id, model, missing: new Map(model.fieldsByName) }
  }

  /** Adds fields of the entity. */
  add(fields: readonly JsonField[]): void {
    const open = this.#open
    if (open === undefined) return
    for (const field of fields) {
      const name = typeof field['name'] === 'string' ? field['name'] : ''
      const path = `${open.id}.${name}`
      this.#guard(open.id, path, () => this.#addField(open, name, { field, path }))
    }
  }

  /** Ends the entity: what was not given gets its default. */
  end(): void {
    if (this.#open === undefined) return
    const { id, missing } = this.#open
    for (const field of missing.values()) this.#rows.addField(id, field, { value: field.defaultValue, ...this.#given })
    this.#open = undefined
  }

  #addField(
    { id, model, missing }: OpenEntity,
    name: string,
    { field, path }: { field: JsonField; path: string },
  ): void {
    for (const member of Object.keys(field)) {
      if (!fieldMembers.has(member)) throw new QError('invalid_request', `a field has no member ${member}`)
    }
    const known = model.fieldsByName.get(name)
    if (known === undefined) throw new QError('unknown_field', `the type ${model.name} has no field ${name}`)
    const { writer = '' } = field
    if (typeof writer !== 'string') throw new QError('invalid_request', 'the writer is no text')
    const writeTimeUs = this.#timeOf(field['writeTime'], path)
    const value = this.#valueOf(known, field['value'], path)
    if (!missing.delete(name)) throw new QError('invalid_request', 'the field is there twice')
    this.#rows.addField(id, known, { value, writeTimeUs, writer })
  }

  #valueOf(field: FieldModel, json: JsonValue | undefined, path: string): FieldValue {
    if (json === undefined) throw new QError('type_mismatch', 'the value is missing')
    const message = fromJson(ValueSchema, json)
    const { kind } = message
    // What checkedFieldValue leaves to the rules of the proto.
    if (kind.case === 'entityList' || kind.case === 'binaryFile') this.#check(ValueSchema, message)
    if (kind.case === 'entityReference' && kind.value !== '' && !idPattern.test(kind.value)) {
      throw new QError('invalid_request', `${kind.value} is no id`)
    }
    return checkedFieldValue(field, message, path)
  }

  /** Microseconds. Many fields in a row have the same time. */
  #timeOf(json: JsonValue | undefined, path: string): number {
    if (json === undefined) return this.#given.writeTimeUs
    if (json === this.#timeText) return this.#timeUs
    const micros = Number(microsFromTimestamp(fromJson(TimestampSchema, json), path))
    if (!Number.isSafeInteger(micros)) {
      throw new QError('value_out_of_range', 'the time of a write lies in the years 1685 to 2255')
    }
    this.#timeText = json
    this.#timeUs = micros
    return micros
  }

  #guard(entityId: string, path: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      const code = isQError(error) ? error.code : 'invalid_request'
      const message = error instanceof Error ? error.message : String(error)
      this.#rows.addProblem(entityId, { code, message, field: path })
    }
  }
}
