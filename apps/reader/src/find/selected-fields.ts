import { create, fromBinary } from '@bufbuild/protobuf'
import { FieldSchema, ValueSchema, ValueType, type Field } from '@qcore/contracts'
import { messageFromFieldValue, timestampFromMicros, type FieldModel } from '@qcore/model'
import type { FoundRow } from './find-page.ts'
import type { FindPlan } from './find-plan.ts'

/** The selected fields of an entity that was found, in the order of the selection. */
export function selectedFields({ selections }: FindPlan, row: FoundRow): Field[] {
  return selections.map(({ name, field }) => (field === undefined ? ownField(name, row) : storedField(field, row)))
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

function ownField(name: string, row: FoundRow): Field {
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
    default:
      field.value = messageFromFieldValue(ValueType.ENTITY_LIST, row.children ?? [])
      return field
  }
}
