import { fromBinary } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import {
  ValueSchema,
  ValueType,
  type EntityCreated,
  type FieldChange,
  type SchemaChanged,
  type Value,
} from '@qcore/contracts'
import type { EntityRow } from '@qcore/database'
import {
  fieldValueFromMessage,
  microsFromTimestamp,
  typeModelFromSchema,
  type EntityState,
  type FieldModel,
  type FieldState,
  type FieldValue,
  type TypeModel,
} from '@qcore/model'
import { internText } from './interned-text.ts'

/** When and by whom something was committed. */
export interface CommitFacts {
  readonly revision: number
  readonly commitTimeUs: number
  readonly writer: string
}

/** An entity from its row and the rows of its fields. */
export function entityFromRow(row: EntityRow, type: TypeModel): EntityState {
  const fields: FieldState[] = []
  for (const field of type.fields) {
    const index = row.fieldIds.indexOf(field.id, fields.length)
    // Fields that were added after the row was read come last.
    if (index < 0) break
    const value = row.values[index]
    if (value === undefined) break
    fields.push({
      value: storedValue(field, fromBinary(ValueSchema, value)),
      writeTimeUs: row.writeTimesUs[index] ?? 0,
      writer: internText(row.writers[index] ?? ''),
      revision: row.revisions[index] ?? 0,
    })
  }
  return {
    id: row.id,
    type: type.name,
    name: row.name,
    parentId: row.parentId,
    createdRevision: row.createdRevision,
    fields,
  }
}

/** An entity as a commit created it. */
export function entityFromCreated(message: EntityCreated, type: TypeModel, facts: CommitFacts): EntityState {
  const fields: FieldState[] = []
  for (const field of type.fields) {
    const given = message.fields.find(({ name }) => name === field.name)
    // Fields that the same commit added to the type afterwards come last.
    if (given === undefined) break
    fields.push({
      value: storedValue(field, given.value),
      writeTimeUs: writtenAtUs(given.writeTime, facts),
      writer: internText(facts.writer),
      revision: facts.revision,
    })
  }
  return {
    id: message.entity?.id ?? '',
    type: type.name,
    name: message.entity?.name ?? '',
    parentId: message.entity?.parentId ?? '',
    createdRevision: facts.revision,
    fields,
  }
}

/** A field as a commit wrote it. */
export function fieldFromChange(change: FieldChange, field: FieldModel, facts: CommitFacts): FieldState {
  return {
    value: storedValue(field, change.value),
    writeTimeUs: writtenAtUs(change.writeTime, facts),
    writer: internText(facts.writer),
    revision: facts.revision,
  }
}

/** Fields that a type got. */
export interface AddedFields {
  readonly type: string
  /** Where they stand among the type's fields. */
  readonly position: number
  /** What existing entities hold in them. */
  readonly fields: readonly FieldState[]
}

/** The fields that a schema change added. */
export function addedFields({ schema, previous }: SchemaChanged, facts: CommitFacts): AddedFields {
  if (schema === undefined) return { type: '', position: 0, fields: [] }
  const position = previous?.fields.length ?? 0
  const writer = internText(facts.writer)
  const added = typeModelFromSchema(schema).fields.slice(position)
  const fields = added.map(({ defaultValue }) => ({
    value: defaultValue,
    writeTimeUs: facts.commitTimeUs,
    writer,
    revision: facts.revision,
  }))
  return { type: schema.type, position, fields }
}

function writtenAtUs(given: Timestamp | undefined, { commitTimeUs }: CommitFacts): number {
  return given === undefined ? commitTimeUs : Number(microsFromTimestamp(given, 'write_time'))
}

/** A value of a message, as it is kept. */
export function storedValue(field: FieldModel, message: Value | undefined): FieldValue {
  const value = fieldValueFromMessage(field.valueType, message, field.name)
  // One string an option, not one a field.
  if (field.valueType === ValueType.CHOICE) return field.choices.find((choice) => choice === value) ?? value
  // The decoded content is part of a larger buffer, which it would keep in memory.
  if (typeof value === 'object' && 'content' in value) return { ...value, content: new Uint8Array(value.content) }
  return value
}
