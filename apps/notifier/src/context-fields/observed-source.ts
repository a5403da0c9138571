import type { EntityState, TypeModel } from '@qcore/model'
import type { Children, EntitySource } from '@qcore/replica'

/** A source that tells of which revision the newest thing is that was read from it. */
export class ObservedSource implements EntitySource {
  readonly #source: EntitySource
  /** Infinity: something was read that does not carry its revision. */
  newestRevision = 0

  constructor(source: EntitySource) {
    this.#source = source
  }

  entity(id: string): EntityState | null | undefined {
    const entity = this.#source.entity(id)
    if (entity === null) this.newestRevision = Infinity
    else if (entity !== undefined) this.newestRevision = Math.max(this.newestRevision, revisionOf(entity))
    return entity
  }

  children(id: string): Children | undefined {
    this.newestRevision = Infinity
    return this.#source.children(id)
  }

  type(name: string): TypeModel | undefined {
    return this.#source.type(name)
  }
}

/** The revision that last changed anything of an entity. */
function revisionOf({ createdRevision, fields }: EntityState): number {
  return fields.reduce((newest, { revision }) => Math.max(newest, revision), createdRevision)
}
