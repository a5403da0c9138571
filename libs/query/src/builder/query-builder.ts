import { assertQuery } from '../tree/assert-query.ts'
import { joined, type Order, type Query } from '../tree/query.ts'
import { conditionFrom, type FieldInputs, type Where } from './where-input.ts'

/** A field of a type, or a path. */
export type PathOf<Fields> = (keyof Fields & string) | `${string}->${string}` | OwnName

/** What every entity has of its own. */
type OwnName = 'Name' | 'Parent' | 'Children'

/** Builds a query. Every method gives a new one. */
export class QueryBuilder<Fields = FieldInputs> {
  readonly #query: Query

  constructor(query: Query) {
    this.#query = query
  }

  /** Only entities that meet all of these, and what was asked before. */
  where(...conditions: readonly Where<Fields>[]): QueryBuilder<Fields> {
    const { where } = this.#query
    const all = [...(where === undefined ? [] : [where]), ...conditions.map((condition) => conditionFrom(condition))]
    const parts = all.flatMap((condition) => (condition.kind === 'all' ? condition.conditions : [condition]))
    return this.#with({ where: joined('all', parts) })
  }

  /** Reads these of each entity, after those that were selected before; `*`: all fields. */
  select(...paths: readonly (PathOf<Fields> | '*')[]): QueryBuilder<Fields> {
    return this.#with({ select: [...this.#query.select, ...paths] })
  }

  /** Orders by this, smallest first, among entities that are equal in what was ordered by before. */
  orderBy(path: PathOf<Fields>, direction: 'asc' | 'desc' = 'asc'): QueryBuilder<Fields> {
    const order: Order = { path, descending: direction === 'desc' }
    return this.#with({ order: [...this.#query.order, order] })
  }

  /** At most so many entities. */
  limit(count: number): QueryBuilder<Fields> {
    return this.#with({ limit: count })
  }

  /** The number of entities instead of the entities. */
  count(): QueryBuilder<Fields> {
    return this.#with({ count: true })
  }

  /** The query. Throws QError `invalid_query`, `invalid_path`, `value_out_of_range`. */
  build(): Query {
    assertQuery(this.#query)
    return this.#query
  }

  #with(part: Partial<Query>): QueryBuilder<Fields> {
    return new QueryBuilder({ ...this.#query, ...part })
  }
}

/**
 * Begins a query of the entities of a type. With the fields of the type as a type argument, wrong names and values do not
 * compile: `query<{ Status: 'ON' | 'OFF'; Level: bigint }>('Device')`.
 */
export function query<Fields = FieldInputs>(type: string): QueryBuilder<Fields> {
  return new QueryBuilder({ type, select: [], where: undefined, order: [], limit: 0, count: false })
}
