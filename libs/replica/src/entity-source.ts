import type { EntityState, TypeModel } from '@qcore/model'
import type { Child } from './child-list.ts'

/** The children of an entity, in the order of its type. */
export interface Children {
  readonly length: number
  at(index: number): Child | undefined
  /** The first child of a name. */
  named(name: string): Child | undefined
  ids(): string[]
}

/**
 * Entities as of one revision. What is not at hand is undefined, and is noted, so that it is there when the same is asked
 * again; see `Replica.read`.
 */
export interface EntitySource {
  /** Null: there is no such entity. */
  entity(id: string): EntityState | null | undefined
  /** The root is the child of the empty id. Of an unknown entity: none. */
  children(id: string): Children | undefined
  type(name: string): TypeModel | undefined
}
