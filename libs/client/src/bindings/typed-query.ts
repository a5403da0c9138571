import { query, type AskedAs, type Comparisons, type Query, type QueryBuilder, type Where } from '@qcore/query'
import type { ReadOptions } from '../read/consistency.ts'
import type { Pages } from '../read/pages.ts'
import type { Explanation, QueriedEntity, QueryOptions } from '../read/query.ts'
import {
  specOf,
  type EntityOf,
  type FieldName,
  type FieldOf,
  type IndirectPath,
  type OwnSpecs,
  type PathOf,
  type ReadableName,
  type SpecAt,
  type TypeDefinition,
} from '../schema/define-type.ts'
import type { FieldSpec, IsIndexed, LinkOf, WriteValue } from '../schema/field-spec.ts'
import type { Field } from '../values/field.ts'
import type { BindingStore } from './binding-scope.ts'
import { expectType } from './field-binding.ts'
import type { IndexedName } from './typed-find.ts'

/** Tests that are not taken of a field unless its values are texts. */
type TextTest = 'contains' | 'startsWith'

/** What a field can be asked for: a value to be equal to, or tests; without index only whether it is there. */
type ConditionOf<Spec extends FieldSpec> = Spec['type'] extends 'EntityList'
  ? { readonly contains?: LinkOf<Spec>; readonly exists?: boolean }
  : IsIndexed<Spec> extends true
    ? | WriteValue<Spec>
      | (Spec['type'] extends 'String' | 'Choice'
          ? Comparisons<WriteValue<Spec>>
          : Omit<Comparisons<WriteValue<Spec>>, TextTest>)
    : { readonly exists?: boolean }

/** What the entities of a type can be asked for, by field. */
export type ConditionsOf<Type extends TypeDefinition> = {
  readonly [Name in ReadableName<Type>]: AskedAs<ConditionOf<SpecAt<Type, Name>>>
}

/** What the entities of a type can be ordered by. */
export type QueryPathOf<Type extends TypeDefinition> =
  IndexedName<Type> | Exclude<Exclude<keyof OwnSpecs, 'Children'>, FieldName<Type>> | IndirectPath

/** An entity that a query found, with what was selected; a path that leads nowhere has no field. */
export type QueriedOf<Type extends TypeDefinition, Selected extends PathOf<Type>> = EntityOf<Type> & {
  readonly fields: {
    readonly [Path in Selected]: Path extends ReadableName<Type> ? FieldOf<SpecAt<Type, Path>> : Field | undefined
  }
}

/**
 * A query of the entities of a type that is defined in TypeScript: wrong names and values do not compile. Every method that
 * adds to it gives a new one. Iterating over it reads it page by page, all pages of one revision.
 */
export class TypedQuery<Type extends TypeDefinition, Selected extends PathOf<Type> = never> implements AsyncIterable<
  QueriedOf<Type, Selected>
> {
  readonly #store: BindingStore
  readonly #definition: Type
  readonly #builder: QueryBuilder<ConditionsOf<Type>>

  constructor(
    store: BindingStore,
    definition: Type,
    builder: QueryBuilder<ConditionsOf<Type>> = query<ConditionsOf<Type>>(definition.type),
  ) {
    this.#store = store
    this.#definition = definition
    this.#builder = builder
  }

  /** Only entities that meet all of these, and what was asked before. `and`, `or` and `not` join conditions. */
  where(...conditions: readonly Where<ConditionsOf<Type>>[]): TypedQuery<Type, Selected> {
    return new TypedQuery(this.#store, this.#definition, this.#builder.where(...conditions))
  }

  /** Reads these of each entity, after those that were selected before; `*`, alone: all fields. */
  select(all: '*'): TypedQuery<Type, FieldName<Type>>
  select<Path extends PathOf<Type>>(...paths: readonly Path[]): TypedQuery<Type, Selected | Path>
  select(...paths: readonly (PathOf<Type> | '*')[]): TypedQuery<Type, PathOf<Type>> {
    return new TypedQuery(this.#store, this.#definition, this.#builder.select(...paths))
  }

  /** Orders by this, smallest first, among entities that are equal in what was ordered by before. */
  orderBy(path: QueryPathOf<Type>, direction: 'asc' | 'desc' = 'asc'): TypedQuery<Type, Selected> {
    return new TypedQuery(this.#store, this.#definition, this.#builder.orderBy(path, direction))
  }

  /** At most so many entities. */
  limit(count: number): TypedQuery<Type, Selected> {
    return new TypedQuery(this.#store, this.#definition, this.#builder.limit(count))
  }

  /** What the query finds, page by page. A field of another type than the definition's is `type_mismatch`. */
  pages(options: QueryOptions = {}): Pages<QueriedOf<Type, Selected>> {
    const pages = this.#store.query(this.#builder, options)
    return pages.map((entity) => this.#checked(entity))
  }

  /** All that the query finds. */
  toArray(options: QueryOptions = {}): Promise<QueriedOf<Type, Selected>[]> {
    return this.pages(options).toArray()
  }

  [Symbol.asyncIterator](): AsyncGenerator<QueriedOf<Type, Selected>, void> {
    return this.pages()[Symbol.asyncIterator]()
  }

  /** How many entities the query finds. */
  count(options: ReadOptions = {}): Promise<number> {
    return this.#store.count(this.#builder, options)
  }

  /** How the query is answered: its SQL, PostgreSQL's plan, the indexes. */
  explain(options: QueryOptions = {}): Promise<Explanation> {
    return this.#store.explain(this.#builder, options)
  }

  /** The query as a tree. */
  build(): Query {
    return this.#builder.build()
  }

  #checked(entity: QueriedEntity): QueriedOf<Type, Selected> {
    for (const [path, field] of Object.entries(entity.fields)) {
      const spec = specOf(this.#definition, path)
      if (spec !== undefined) expectType(field, spec.type)
    }
    return entity as unknown as QueriedOf<Type, Selected>
  }
}
