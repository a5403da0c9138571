import { create, equals, toBinary } from '@bufbuild/protobuf'
import {
  SchemaChangeSchema,
  TypeSchemaSchema,
  type Notification,
  type SchemaChange,
  type SchemaChanged,
  type TypeSchema,
} from '@qcore/contracts'
import { typeModelFromSchema, visiblePastType, type Grants } from '@qcore/model'
import { typeOfChange, type PresentTypes } from '@qcore/replica'
import type { SeenTypes } from '../notify/seen-types.ts'
import { schemaKey, type FilterInputs, type LookUp, type NotifiedChange } from './notified-change.ts'

/** A schema was created, changed or deleted. */
export class SchemaEvent implements NotifiedChange {
  readonly entityId = ''
  readonly changed = true
  readonly filterInputs: FilterInputs = { current: null, previous: null, field: '' }
  readonly #change: SchemaChanged

  constructor(change: SchemaChanged) {
    this.#change = change
  }

  get lookUps(): readonly LookUp[] {
    return [typeOfChange(this.#change), ''].map((target) => ({ kind: 'schema', target, field: schemaKey }))
  }

  fill(message: Notification, grants: Grants, { present }: SeenTypes): number {
    const value = this.#seenBy(grants, present)
    message.event = { case: 'schema', value }
    return 16 + toBinary(SchemaChangeSchema, value).length
  }

  /** What a caller may not see of a schema is not there: a change of that alone is none. */
  isVisible({ present }: SeenTypes, grants: Grants): boolean {
    if (grants.hasAll) return true
    const { current, previous } = this.#seenBy(grants, present)
    if (current === undefined || previous === undefined) return current !== previous
    return !equals(TypeSchemaSchema, { ...current, revision: 0n }, { ...previous, revision: 0n })
  }

  #seenBy(grants: Grants, present: PresentTypes | undefined): SchemaChange {
    const change = create(SchemaChangeSchema)
    const seen = (schema: TypeSchema | undefined): TypeSchema | undefined => {
      if (schema === undefined || grants.hasAll) return schema
      return visiblePastType(typeModelFromSchema(schema), present?.get(schema.type), grants)?.schema
    }
    const current = seen(this.#change.schema)
    const previous = seen(this.#change.previous)
    if (current !== undefined) change.current = current
    if (previous !== undefined) change.previous = previous
    return change
  }
}
