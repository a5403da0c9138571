import type { EntityState, FieldValue } from '@qcore/model'

/** Bytes of memory: of an entity, and of a field besides its value. */
const entityBytes = 320
const fieldBytes = 96

/** About how many bytes of memory an entity takes. */
export function entitySize(entity: EntityState | null): number {
  return (entity?.fields ?? []).reduce((sum, { value }) => sum + fieldBytes + valueSize(value), entityBytes)
}

function valueSize(value: FieldValue): number {
  if (typeof value === 'string') return 2 * value.length
  if (typeof value !== 'object') return 16
  return 'content' in value ? value.content.length : value.reduce((sum, id) => sum + id.length + 16, 0)
}
