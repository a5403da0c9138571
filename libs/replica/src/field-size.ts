import type { EntityState, FieldState, FieldValue } from '@qcore/model'

/** Bytes of memory, measured on V8 without pointer compression. */
const fieldBytes = 130
const entityBytes = 480
const textBytes = 24
const idBytes = 64

/** About how many bytes of memory a field takes, with the encoding that is kept of it once it was read. */
export function fieldSize(field: FieldState): number {
  return fieldBytes + 2 * valueSize(field.value)
}

/** About how many bytes of memory an entity takes in the cache. */
export function entitySize(entity: EntityState | null): number {
  if (entity === null) return entityBytes
  let size = entityBytes
  for (const field of entity.fields) size += fieldSize(field)
  return size
}

function valueSize(value: FieldValue): number {
  if (typeof value === 'string') return textBytes + value.length
  if (typeof value !== 'object') return textBytes
  if ('content' in value) return textBytes + value.content.length
  return textBytes + value.length * idBytes
}
