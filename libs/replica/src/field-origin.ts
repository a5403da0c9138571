import type { FieldState as FieldStateMessage, Value } from '@qcore/contracts'
import { decodeEntityCreated, decodeFieldChange, decodeSchemaChanged, type ChangeOutline } from './change-outline.ts'
import type { LogRecord } from './log-record.ts'

/** What a commit did to a field. */
export interface FieldOrigin {
  /** What the field holds from then on. */
  readonly value: Value | undefined
  /** What it held before; undefined: the entity did not have the field, or did not exist. */
  readonly previous: FieldStateMessage | undefined
}

/** What a commit did to a field of an entity; undefined: nothing. */
export function fieldOrigin(
  { changes }: LogRecord,
  { id, type }: { id: string; type: string },
  field: string,
): FieldOrigin | undefined {
  const origins = changes.flatMap((change) => originIn(change, { id, type, field }))
  // A commit may add a field to a type and write it as well: then the write is what counts.
  return origins.sort((a, b) => a.weight - b.weight).at(-1)
}

type WeightedOrigin = FieldOrigin & { readonly weight: number }

function originIn(
  change: ChangeOutline,
  { id, type, field }: { id: string; type: string; field: string },
): WeightedOrigin[] {
  switch (change.kind) {
    case 'field_changed': {
      if (change.entityId !== id || change.name !== field) return []
      const { value, previous } = decodeFieldChange(change)
      return [{ value, previous, weight: 3 }]
    }
    case 'entity_created': {
      if (change.entityId !== id) return []
      const state = decodeEntityCreated(change).fields.find(({ name }) => name === field)
      return state === undefined ? [] : [{ value: state.value, previous: undefined, weight: 2 }]
    }
    case 'schema_changed': {
      const { schema, previous } = decodeSchemaChanged(change)
      const definition = schema?.fields.find(({ name }) => name === field)
      if (schema?.type !== type || definition === undefined) return []
      if (previous?.fields.some(({ id }) => id === definition.id) === true) return []
      return [{ value: definition.defaultValue, previous: undefined, weight: 1 }]
    }
    default:
      return []
  }
}
