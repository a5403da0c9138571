/** A value to compare with: bigint an Int, number a Float, `micros` an instant in microseconds since 1970. */
export type Literal = bigint | number | string | boolean | Instant

/** An instant in microseconds since 1970. */
export interface Instant {
  readonly micros: bigint
}

export type ComparisonSign = '=' | '!=' | '<' | '<=' | '>' | '>='

/** A condition on one field, at the end of a path. */
export type Test =
  | { readonly kind: 'compare'; readonly path: string; readonly sign: ComparisonSign; readonly value: Literal }
  | { readonly kind: 'in'; readonly path: string; readonly values: readonly Literal[] }
  | { readonly kind: 'contains' | 'starts_with'; readonly path: string; readonly text: string }
  | { readonly kind: 'exists'; readonly path: string }

/** Something that holds of an entity or does not. `all` and `any` have at least two conditions. */
export type Condition =
  | { readonly kind: 'all' | 'any'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition }
  | Test

export interface Order {
  readonly path: string
  readonly descending: boolean
}

/** A query, whichever way it was given: as text, as protobuf, by the builder. Paths are written `Owner->Site->Name`. */
export interface Query {
  /** The type of the entities; exactly this one. */
  readonly type: string
  /** Paths to read; or `*` alone. */
  readonly select: readonly string[]
  /** Undefined: all entities of the type. */
  readonly where: Condition | undefined
  readonly order: readonly Order[]
  /** At most so many entities; 0: all. */
  readonly limit: number
  /** Whether the entities are counted only. */
  readonly count: boolean
}

/** Whether a literal is an instant. */
export function isInstant(value: Literal): value is Instant {
  return typeof value === 'object'
}

/** That all, or at least one, of some conditions holds. One alone is itself. */
export function joined(kind: 'all' | 'any', conditions: readonly Condition[]): Condition {
  const [only] = conditions
  return only !== undefined && conditions.length === 1 ? only : { kind, conditions }
}
