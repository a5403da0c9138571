import { fromBinary } from '@bufbuild/protobuf'
import { ValueSchema } from '@qcore/contracts'
import type { EntityRow } from '@qcore/database'
import { fieldValueFromMessage, type EntityState, type FieldValue, type TypeModel } from '@qcore/model'

/** An entity as the writer keeps it. Never changed in place. */
export interface HotEntity extends EntityState {
  /** Levels from the root, which has depth 1. */
  readonly depth: number
  /** About how many bytes of memory it takes. */
  readonly bytes: number
}

/** About what an entity without fields, and a field with a small value, take in memory. */
const entityOverheadBytes = 300
const fieldOverheadBytes = 120

/** An entity from its row. */
export function hotEntityFromRow(row: EntityRow, model: TypeModel): HotEntity {
  const fields = model.fields.map((field, position) => {
    const bytes = row.values[position]
    if (bytes === undefined || row.fieldIds[position] !== field.id) {
      throw new Error(`the entity ${row.id} has no row for its field ${field.name}`)
    }
    return {
      value: fieldValueFromMessage(field.valueType, fromBinary(ValueSchema, bytes), field.name),
      writeTimeUs: row.writeTimesUs[position] ?? 0,
      writer: row.writers[position] ?? '',
      revision: row.revisions[position] ?? 0,
    }
  })
  const { id, type, name, parentId, createdRevision, structureRevision, place, depth } = row
  const bytes = sizeOfEntity({ name, fields })
  return { id, type, name, parentId, createdRevision, structureRevision, place, depth, fields, bytes }
}

/** About how many bytes of memory an entity takes. */
export function sizeOfEntity({ name, fields }: Pick<EntityState, 'name' | 'fields'>): number {
  let size = entityOverheadBytes + name.length
  for (const field of fields) size += fieldOverheadBytes + sizeOfValue(field.value)
  return size
}

/** About how many bytes a value takes. */
export function sizeOfValue(value: FieldValue): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object') return 8
  if ('content' in value) return value.content.length + value.mediaType.length
  return value.length * 64
}
