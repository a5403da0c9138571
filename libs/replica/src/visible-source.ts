import { visiblePastType, type EntityState, type Grants, type TypeModel } from '@qcore/model'
import type { Child } from './child-list.ts'
import type { Children, EntitySource } from './entity-source.ts'

/** Tells the types as they are now. */
export interface PresentTypes {
  get(name: string): TypeModel | undefined
  /** Whether any type, or field, asks for a permission. */
  readonly isRestricted: boolean
}

/**
 * A source as a caller may see it: what it may not see is not there. Of the past it shows what the caller may see now.
 *
 * @param present the types as they are now
 */
export function visibleSource<Source extends EntitySource>(
  source: Source,
  present: PresentTypes,
  grants: Grants,
): Source | EntitySource {
  return grants.hasAll || !present.isRestricted ? source : new VisibleSource(source, present, grants)
}

class VisibleSource implements EntitySource {
  readonly #source: EntitySource
  readonly #present: PresentTypes
  readonly #grants: Grants

  constructor(source: EntitySource, present: PresentTypes, grants: Grants) {
    this.#source = source
    this.#present = present
    this.#grants = grants
  }

  entity(id: string): EntityState | null | undefined {
    const entity = this.#source.entity(id)
    return entity === undefined || entity === null || this.type(entity.type) !== undefined ? entity : null
  }

  children(id: string): Children | undefined {
    const children = this.#source.children(id)
    if (children === undefined) return undefined
    const entities = children.ids().map((childId) => this.entity(childId))
    if (entities.includes(undefined)) return undefined
    return new VisibleChildren(entities.flatMap((entity) => entity ?? []))
  }

  type(name: string): TypeModel | undefined {
    const model = this.#source.type(name)
    return model === undefined ? undefined : visiblePastType(model, this.#present.get(name), this.#grants)
  }
}

/** The children that a caller may see, in their order. */
class VisibleChildren implements Children {
  readonly #children: readonly Child[]

  constructor(children: readonly EntityState[]) {
    this.#children = children
  }

  get length(): number {
    return this.#children.length
  }

  at(index: number): Child | undefined {
    return this.#children[index]
  }

  named(name: string): Child | undefined {
    return this.#children.find((child) => child.name === name)
  }

  ids(): string[] {
    return this.#children.map(({ id }) => id)
  }
}
