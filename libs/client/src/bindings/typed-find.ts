import type { FindQuery, FoundEntity } from '../read/find.ts'
import type { Pages, PagesOptions } from '../read/pages.ts'
import type { ReadOptions } from '../read/consistency.ts'
import {
  specOf,
  valueFor,
  type EntityOf,
  type FieldName,
  type FieldOf,
  type TypeDefinition,
} from '../schema/define-type.ts'
import type { IsIndexed, WriteValue } from '../schema/field-spec.ts'
import type { ValueInput } from '../values/value-input.ts'
import { isComparison, type ComparisonInput } from '../read/find.ts'
import type { BindingStore } from './binding-scope.ts'

/** The fields of a type that can be compared and ordered by. */
export type IndexedName<Type extends TypeDefinition> = {
  [Name in FieldName<Type>]: IsIndexed<Type['fields'][Name]> extends true ? Name : never
}[FieldName<Type>]

/** What to find of a type: as `FindQuery`, with the names and values of the type. */
export interface FindQueryOf<Type extends TypeDefinition, Selected extends FieldName<Type>> extends PagesOptions {
  /** By field: a value to be equal to, or comparisons. All must hold. */
  readonly where?: {
    readonly [Name in IndexedName<Type>]?:
      | WriteValue<Type['fields'][Name]>
      | { readonly [Comparison in keyof ComparisonInput]?: WriteValue<Type['fields'][Name]> }
  }
  /** Smallest first by a field's name, or as said. Default: by id. */
  readonly orderBy?: IndexedName<Type> | { readonly field: IndexedName<Type>; readonly descending?: boolean }
  /** The fields to read of each entity; at most 64. */
  readonly select?: readonly Selected[]
}

/** An entity that was found, with the fields that were selected, by name. */
export type FoundOf<Type extends TypeDefinition, Selected extends FieldName<Type>> = EntityOf<Type> & {
  readonly fields: { readonly [Name in Selected]: FieldOf<Type['fields'][Name]> }
}

/** Finds entities of a type. */
export function typedFind<Type extends TypeDefinition, Selected extends FieldName<Type>>(
  store: BindingStore,
  definition: Type,
  { where = {}, ...query }: FindQueryOf<Type, Selected>,
  options: ReadOptions,
): Pages<FoundOf<Type, Selected>> {
  const typed = Object.entries(where as NonNullable<FindQuery['where']>).map(
    ([name, wanted]) => [name, typedCondition(definition, name, wanted)] as const,
  )
  const pages: Pages<FoundEntity> = store.find(
    definition.type,
    { ...(query as Omit<FindQuery, 'where'>), where: Object.fromEntries(typed) },
    options,
  )
  return pages as Pages<unknown> as Pages<FoundOf<Type, Selected>>
}

function typedCondition(
  definition: TypeDefinition,
  name: string,
  wanted: ValueInput | ComparisonInput,
): ValueInput | ComparisonInput {
  const spec = specOf(definition, name)
  if (!isComparison(wanted)) return valueFor(spec, wanted)
  const comparisons = Object.entries(wanted).map(([comparison, value]) => [comparison, valueFor(spec, value)] as const)
  return Object.fromEntries(comparisons)
}
