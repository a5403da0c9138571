import type { Notification } from '@qcore/contracts'
import type { CelInput } from '@qcore/expression'
import type { Grants } from '@qcore/model'
import type { SeenTypes } from '../notify/seen-types.ts'

/** Where the index finds the subscriptions that a change may be for. */
export interface LookUp {
  readonly kind: 'entity' | 'type' | 'schema'
  /** The id of the entity, or the name of the type; of schemas, empty for all types. */
  readonly target: string
  /** The name of the field; of what is no field, as `structureKey` and `schemaKey` have it. */
  readonly field: string
}

/** What a filter sees of a change. */
export interface FilterInputs {
  readonly current: CelInput
  readonly previous: CelInput
  readonly field: string
}

/** Something that a commit did, which subscriptions may tell of. It is made once for all streams. */
export interface NotifiedChange {
  /** The entity that context paths begin at; empty if there is none. */
  readonly entityId: string
  readonly lookUps: readonly LookUp[]
  /** False: it is a write of the same value, for those alone who want every write. */
  readonly changed: boolean
  readonly filterInputs: FilterInputs
  /** Puts itself into a notification; gives the bytes that it takes there, rounded up. */
  fill(message: Notification, grants: Grants, seen: SeenTypes): number
  /** Whether a caller may see it. */
  isVisible(seen: SeenTypes, grants: Grants): boolean
}

/** What stands for a kind of structure where fields have their names: no field is called so. */
export function structureKey(kind: number): string {
  return `#${kind}`
}

/** What stands for a change of a schema. */
export const schemaKey = '#schema'
