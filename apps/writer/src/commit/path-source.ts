import { QError } from '@qcore/errors'
import { limits, type EntityState, type TypeModel } from '@qcore/model'
import { ChildList, type Child, type Children, type EntitySource } from '@qcore/replica'
import type { GroupLoad, GroupState } from './group-state.ts'
import type { WorkingSet } from './working-set.ts'

/** The store as a commit sees it, for paths. What is not loaded is undefined, and is noted. */
export class GroupSource implements EntitySource {
  readonly missingEntities = new Set<string>()
  readonly #state: GroupState

  constructor(state: GroupState) {
    this.#state = state
  }

  entity(id: string): EntityState | null | undefined {
    if (this.#state.knows(id)) return this.#state.entity(id) ?? null
    this.missingEntities.add(id)
    return undefined
  }

  children(id: string): Children | undefined {
    return childList(this, id, this.#state.childrenNow(id))
  }

  type(name: string): TypeModel | undefined {
    return this.#state.type(name)
  }
}

/** The store before a group, as far as it is loaded; notes what is missing. */
export class LoadedSource implements EntitySource {
  readonly missingEntities = new Set<string>()
  readonly missingChildren = new Set<string>()
  readonly #workingSet: WorkingSet
  readonly #load: GroupLoad

  constructor(workingSet: WorkingSet, load: GroupLoad) {
    this.#workingSet = workingSet
    this.#load = load
  }

  get isComplete(): boolean {
    return this.missingEntities.size === 0 && this.missingChildren.size === 0
  }

  entity(id: string): EntityState | null | undefined {
    const entity = this.#workingSet.entities.get(id) ?? this.#load.entities.get(id)
    if (entity !== undefined) return entity
    if (this.#load.entities.has(id)) return null
    this.missingEntities.add(id)
    return undefined
  }

  children(id: string): Children | undefined {
    const children = this.#load.childLists.get(id)
    if (children === undefined) this.missingChildren.add(id)
    return childList(this, id, children)
  }

  type(name: string): TypeModel | undefined {
    return this.#workingSet.types.get(name)
  }
}

function childList(
  source: EntitySource,
  id: string,
  children: readonly Child[] | null | undefined,
): Children | undefined {
  if (children === undefined) return undefined
  if (children === null) {
    throw new QError('too_many_children', `${id} has more than ${limits.writePathChildren} children`)
  }
  // A path comes to the children of an entity by the entity.
  const type = source.entity(id)?.type ?? ''
  return new ChildList(children, source.type(type)?.hasOrderedChildren ?? false)
}
