import { create, fromBinary } from '@bufbuild/protobuf'
import { FieldResultSchema, FieldSchema, ValueSchema, ValueType, type Field, type FieldResult } from '@qcore/contracts'
import { messageFromFieldValue, timestampFromMicros, type FieldModel } from '@qcore/model'
import type { OwnName } from '@qcore/query'
import { problem } from '../problem.ts'
import type { FoundRow, PathRow } from './query-page.ts'
import type { Column, OwnColumn } from './selection-sql.ts'

/** What a column holds of an entity that was found. */
export function columnResult(column: Column, row: FoundRow, index: number): FieldResult {
  const result = create(FieldResultSchema)
  if (column.kind !== 'path') {
    result.outcome = { case: 'field', value: ownColumn(column, row) }
    return result
  }
  const { text, name } = column.path
  const found = row[`p${index}`]
  if (found === null || found === undefined) {
    const message = `the path ${text} leads nowhere from ${row.id}`
    result.outcome = { case: 'problem', value: problem('broken_path', message, `select[${index}]`) }
  } else {
    result.outcome = { case: 'field', value: pathField(found, name) }
  }
  return result
}

/** What a column without steps holds. */
export function ownColumn(column: OwnColumn, row: FoundRow): Field {
  return column.kind === 'field' ? storedField(column.field, row) : ownField(column.name, row)
}

function storedField(model: FieldModel, row: FoundRow): Field {
  const index = row.fieldIds?.indexOf(model.id) ?? -1
  const value = row.values?.[index]
  if (value === undefined) throw new Error(`entity ${row.id} has no row for its field ${model.name}`)
  const field = create(FieldSchema)
  field.value = fromBinary(ValueSchema, value)
  field.writeTime = timestampFromMicros(row.writeTimesUs?.[index] ?? 0)
  field.writer = row.writers?.[index] ?? ''
  field.revision = BigInt(row.revisions?.[index] ?? 0)
  return field
}

function ownField(name: OwnName, row: FoundRow): Field {
  const field = create(FieldSchema)
  switch (name) {
    case 'Name':
      field.value = messageFromFieldValue(ValueType.STRING, row.name)
      field.revision = BigInt(row.structureRevision)
      return field
    case 'Parent':
      field.value = messageFromFieldValue(ValueType.ENTITY_REFERENCE, row.parentId)
      field.revision = BigInt(row.structureRevision)
      return field
    case 'Children':
      field.value = messageFromFieldValue(ValueType.ENTITY_LIST, row.children ?? [])
      return field
  }
}

function pathField(row: PathRow, name: string): Field {
  const field = create(FieldSchema)
  field.entityId = row.entityId
  field.name = name
  field.revision = BigInt(row.revision)
  if (row.value !== null) {
    field.value = fromBinary(ValueSchema, Buffer.from(row.value.slice(2), 'hex'))
    field.writeTime = timestampFromMicros(row.writeTimeUs ?? 0)
    field.writer = row.writer ?? ''
  } else if (row.ids !== null) {
    field.value = messageFromFieldValue(ValueType.ENTITY_LIST, row.ids)
  } else {
    const type = name === 'Name' ? ValueType.STRING : ValueType.ENTITY_REFERENCE
    field.value = messageFromFieldValue(type, row.text ?? '')
  }
  return field
}
