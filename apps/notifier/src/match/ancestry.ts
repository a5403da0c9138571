import type { EntitySource, LogRecord } from '@qcore/replica'

/** An entity on the way to the root. */
export interface Ancestor {
  readonly id: string
  readonly type: string
}

interface Place {
  readonly type: string
  readonly parentId: string
}

/** Where an entity was and is; null: it did not, or does not, exist. */
interface Places {
  before: Place | null | undefined
  after: Place | null | undefined
}

export type Side = 'before' | 'after'

/** Where entities are in the tree, right before and right after a commit. It needs the entities as of after the commit alone. */
export class Ancestry {
  readonly #places = new Map<string, Places>()

  constructor({ changes }: LogRecord) {
    for (const change of changes) {
      if (change.kind === 'schema_changed' || change.kind === 'other' || change.kind === 'field_changed') continue
      const { entityId, type, parentId } = change
      const places = this.#places.get(entityId) ?? { before: undefined, after: undefined }
      this.#places.set(entityId, places)
      if (change.kind === 'entity_created') places.before ??= null
      else if (places.before === undefined) {
        places.before = { type, parentId: change.kind === 'entity_changed' ? change.previous.parentId : parentId }
      }
      places.after = change.kind === 'entity_deleted' ? null : { type, parentId }
    }
  }

  /**
   * An entity and its ancestors, it first. Null: there is, or was, no such entity; undefined: something is not at hand.
   *
   * @param source of right after the commit
   */
  of(id: string, side: Side, source: EntitySource): readonly Ancestor[] | null | undefined {
    const chain: Ancestor[] = []
    for (let next = id; next !== '';) {
      const place = this.#placeOf(next, side, source)
      if (place === undefined) return undefined
      if (place === null) return chain.length === 0 ? null : chain
      chain.push({ id: next, type: place.type })
      next = place.parentId
    }
    return chain
  }

  #placeOf(id: string, side: Side, source: EntitySource): Place | null | undefined {
    const known = this.#places.get(id)?.[side]
    return known === undefined ? source.entity(id) : known
  }
}
