import type { ValueType } from '@qcore/contracts'
import type { FieldModel, FieldValue, TypeModel } from '@qcore/model'
import type { ComparisonSign } from '../tree/query.ts'

/** A step of a path, with the fields that may be meant: types are known when an entity is. */
export interface CheckedStep {
  readonly name: string
  /** Ids of reference fields. */
  readonly references: readonly number[]
  /** Ids of list fields; followed at `index`. */
  readonly lists: readonly number[]
  readonly index: number | undefined
  /** Whether entities without a field of this name are meant by their own parent. */
  readonly isParent: boolean
}

export type OwnName = 'Name' | 'Parent' | 'Children'

/** Fields of one type of values that a path may end in. */
export interface CheckedEnd {
  readonly valueType: ValueType
  readonly fields: readonly FieldModel[]
  /** The entity's own name, parent or children, of types that have no such field. */
  readonly own: OwnName | undefined
}

/** A path, and where it may lead. */
export interface CheckedPath {
  /** As it is written. */
  readonly text: string
  readonly steps: readonly CheckedStep[]
  readonly name: string
  readonly ends: readonly CheckedEnd[]
  /** Types that have a field of the name of a step or of the end, by that name: their entities' own is not meant. */
  readonly typesWith: ReadonlyMap<string, readonly string[]>
}

/** An end, and what its values are compared with. */
export interface ComparedEnd extends CheckedEnd {
  /** One for a comparison, several for `in`. */
  readonly values: readonly FieldValue[]
}

export type CheckedTest =
  | {
      readonly kind: 'compare'
      readonly path: CheckedPath
      readonly sign: ComparisonSign
      readonly ends: readonly ComparedEnd[]
    }
  | { readonly kind: 'in'; readonly path: CheckedPath; readonly ends: readonly ComparedEnd[] }
  | {
      readonly kind: 'contains' | 'starts_with'
      readonly path: CheckedPath
      readonly text: string
      readonly ends: readonly CheckedEnd[]
    }
  | { readonly kind: 'exists'; readonly path: CheckedPath; readonly ends: readonly CheckedEnd[] }

export type CheckedCondition =
  | { readonly kind: 'all' | 'any'; readonly conditions: readonly CheckedCondition[] }
  | { readonly kind: 'not'; readonly condition: CheckedCondition }
  | CheckedTest

export interface CheckedOrder {
  readonly path: CheckedPath
  /** All of one type of values. */
  readonly valueType: ValueType
  readonly descending: boolean
}

/** A query whose names and values fit the schemas. */
export interface CheckedQuery {
  readonly type: TypeModel
  readonly where: CheckedCondition | undefined
  readonly order: readonly CheckedOrder[]
  /** `*` is spelled out. */
  readonly select: readonly CheckedPath[]
  /** 0: all. */
  readonly limit: number
  readonly count: boolean
}

/** The types of a store, as far as the asker may see them. */
export interface TypeSource {
  get(name: string): TypeModel | undefined
  /** Ordered. */
  readonly names: readonly string[]
  /** The names of those that it may not see: nothing of their entities is told. Absent: it may see all. */
  readonly hidden?: readonly string[]
}
