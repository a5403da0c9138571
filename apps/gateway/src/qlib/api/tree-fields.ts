import type { WireFieldSchema } from '../store/read-schema.ts'
import type { NewField } from '../store/set-schema.ts'

/**
 * In the later dialect the name, the parent and the children of an entity are fields that every type has. Here they are the
 * entity's own: they are shown as fields, and are not kept as such.
 */
const treeFields = [
  { name: 'Name', type: 'string' },
  { name: 'Parent', type: 'entityReference' },
  { name: 'Children', type: 'entityList' },
] as const

/** The fields of a type as clients expect them. */
export function withTreeFields(fields: readonly WireFieldSchema[]): WireFieldSchema[] {
  const own = new Set(fields.map(({ name }) => name))
  const shown = treeFields
    .filter(({ name }) => !own.has(name))
    .map((field) => ({ ...field, choiceOptions: [], readPermissions: [], writePermissions: [], rank: 0 }))
  return [...shown, ...fields].map((field, rank) => ({ ...field, rank }))
}

/** The fields of a type without those that only clients see. */
export function withoutTreeFields<F extends NewField>(fields: readonly F[]): F[] {
  return fields.filter(({ name }) => !isTreeField(name))
}

export function isTreeField(name: string): boolean {
  return treeFields.some((field) => field.name === name)
}
