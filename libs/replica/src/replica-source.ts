import type { EntityState, TypeModel } from '@qcore/model'
import type { CachedEntity, TypeLookup } from './cached-entity.ts'
import type { Children, EntitySource } from './entity-source.ts'
import type { ReplicaTables } from './replica-tables.ts'

/** What is cached, at the applied revision. */
export class ReplicaSource implements EntitySource {
  readonly #tables: ReplicaTables
  readonly #typeOf: TypeLookup
  /** What was asked for and is not cached. */
  missedEntities: string[] = []
  missedChildren: string[] = []

  constructor(tables: ReplicaTables, typeOf: TypeLookup) {
    this.#tables = tables
    this.#typeOf = typeOf
  }

  entity(id: string): EntityState | null | undefined {
    return this.cached(id)?.state
  }

  /** The entity with what is kept with it. */
  cached(id: string): CachedEntity | undefined {
    const entity = this.#tables.entities.get(id)
    if (entity === undefined) this.missedEntities.push(id)
    return entity
  }

  children(id: string): Children | undefined {
    const children = this.#tables.children.get(id)
    if (children === undefined) this.missedChildren.push(id)
    return children
  }

  type(name: string): TypeModel | undefined {
    return this.#typeOf(name)
  }

  get isComplete(): boolean {
    return this.missedEntities.length === 0 && this.missedChildren.length === 0
  }

  forgetMisses(): void {
    if (this.isComplete) return
    this.missedEntities = []
    this.missedChildren = []
  }
}
