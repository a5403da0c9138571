import type { TypeModel } from '@qcore/model'
import type { HotEntity } from './hot-entity.ts'

/** What was loaded of the tree around the entities that commits place in it. */
export interface StructureLoad {
  /** How many levels there are below the entities that are to be moved. */
  readonly heights: Map<string, number>
  /** Ids by `siblingsKey`, of the names that commits give under parents whose children have different names. */
  readonly siblings: Map<string, readonly string[]>
  /** The greatest places of the children of parents that order them. */
  readonly lastPlaces: Map<string, string>
  /** Those right before the siblings that something is to come before. */
  readonly knownPlaces: { readonly parentId: string; readonly place: string }[]
}

export function noStructureLoaded(): StructureLoad {
  return { heights: new Map(), siblings: new Map(), lastPlaces: new Map(), knownPlaces: [] }
}

/** A key for the children of a parent that have a name. */
export function siblingsKey(parentId: string, name: string): string {
  return `${parentId} ${name}`
}

/**
 * The tree around the entities that a group places: what was loaded, and where the group has put entities since. A commit
 * that is rolled back leaves ids here that are elsewhere again; every answer looks at the entities themselves.
 */
export class StructureState {
  readonly #load: StructureLoad
  readonly #entity: (id: string) => HotEntity | undefined
  readonly #named = new Map<string, Set<string>>()
  readonly #placed = new Map<string, Set<string>>()
  readonly #lastPlaces: Map<string, string>
  /** Entities that were given another parent. */
  readonly #movedIds = new Set<string>()
  #hasChangedDepths = false

  constructor(load: StructureLoad, entity: (id: string) => HotEntity | undefined) {
    this.#load = load
    this.#entity = entity
    this.#lastPlaces = new Map(load.lastPlaces)
  }

  /** Adds what was loaded later, for commits that only create entities. */
  addLoad({ siblings, lastPlaces, knownPlaces }: StructureLoad): void {
    for (const [key, ids] of siblings) {
      this.#load.siblings.set(key, [...(this.#load.siblings.get(key) ?? []), ...ids])
    }
    for (const [parentId, place] of lastPlaces) {
      this.#load.lastPlaces.set(parentId, place)
      if (place > this.lastPlace(parentId)) this.#lastPlaces.set(parentId, place)
    }
    this.#load.knownPlaces.push(...knownPlaces)
  }

  /** Remembers where an entity is now. */
  place({ id, parentId, name, place }: HotEntity): void {
    entryOf(this.#named, siblingsKey(parentId, name)).add(id)
    entryOf(this.#placed, parentId).add(id)
    if (place > this.lastPlace(parentId)) this.#lastPlaces.set(parentId, place)
  }

  /** Remembers where a new entity is, if anybody may ask: most are of no concern to any other. */
  placeNew(entity: HotEntity, parentType: TypeModel): void {
    const { hasUniqueChildNames, hasOrderedChildren } = parentType
    if (hasUniqueChildNames || hasOrderedChildren || this.#load.heights.size > 0) this.place(entity)
  }

  /** Remembers that an entity has another parent, and the level that it had before. */
  move(entity: HotEntity, depthBefore: number): void {
    this.#movedIds.add(entity.id)
    if (entity.depth !== depthBefore) this.#hasChangedDepths = true
    this.place(entity)
  }

  /** Whether an entity was given another parent. */
  get hasMoved(): boolean {
    return this.#movedIds.size > 0
  }

  /** The ids of the other children of a parent that have a name. */
  isNameTaken(parentId: string, name: string, ownId: string): boolean {
    const key = siblingsKey(parentId, name)
    const ids = [...(this.#load.siblings.get(key) ?? []), ...(this.#named.get(key) ?? [])]
    return ids.some((id) => {
      const entity = id === ownId ? undefined : this.#entity(id)
      return entity?.parentId === parentId && entity.name === name
    })
  }

  /** A place that no child of a parent is behind; `''` if it has none. */
  lastPlace(parentId: string): string {
    return this.#lastPlaces.get(parentId) ?? ''
  }

  /** The greatest place before another, of what is, or was, a child of a parent; `''` if there is none. */
  placeBefore(parentId: string, place: string): string {
    let previous = ''
    const consider = (other: string): void => {
      if (other < place && other > previous) previous = other
    }
    consider(this.#load.lastPlaces.get(parentId) ?? '')
    for (const known of this.#load.knownPlaces) if (known.parentId === parentId) consider(known.place)
    for (const id of this.#placed.get(parentId) ?? []) {
      const entity = this.#entity(id)
      if (entity?.parentId === parentId) consider(entity.place)
    }
    return previous
  }

  /** The level of an entity, of which the ancestors are loaded if the group moves any. */
  depthOf(entity: HotEntity): number {
    if (this.#movedIds.size === 0) return entity.depth
    return this.#ancestors(entity.id).length
  }

  /** Whether an entity is another, or below it. */
  isWithin(id: string, topId: string): boolean {
    return this.#ancestors(id).includes(topId)
  }

  /** How many levels there may be below an entity that is to be moved: never less than there are. */
  heightOf(id: string): number {
    let height = this.#load.heights.get(id) ?? 0
    for (const changedIds of this.#placed.values()) {
      for (const changedId of changedIds) {
        const steps = this.#ancestors(changedId).indexOf(id)
        if (steps > 0) height = Math.max(height, steps + (this.#load.heights.get(changedId) ?? 0))
      }
    }
    return height
  }

  /**
   * The levels of the entities with another parent, once any had another level: all levels follow from these, whatever
   * was put below them before or after.
   */
  changedDepths(): Map<string, number> {
    const depths = new Map<string, number>()
    if (!this.#hasChangedDepths) return depths
    for (const id of this.#movedIds) if (this.#entity(id) !== undefined) depths.set(id, this.#ancestors(id).length)
    return depths
  }

  /** The ids on the way from an entity, itself first, to the root. */
  #ancestors(id: string): string[] {
    const ids: string[] = []
    for (let entity = this.#entity(id); entity !== undefined; entity = this.#entity(entity.parentId))
      ids.push(entity.id)
    return ids
  }
}

function entryOf(sets: Map<string, Set<string>>, key: string): Set<string> {
  let set = sets.get(key)
  if (set === undefined) sets.set(key, (set = new Set()))
  return set
}
