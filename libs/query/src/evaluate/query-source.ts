import type { EntityState, TypeModel } from '@qcore/model'

/** Entities as of one revision. What is not at hand is undefined. */
export interface QuerySource {
  /** Null: there is no such entity. */
  entity(id: string): EntityState | null | undefined
  /** Of an unknown entity: none. */
  children(id: string): { readonly length: number; ids(): readonly string[] } | undefined
  type(name: string): TypeModel | undefined
}
