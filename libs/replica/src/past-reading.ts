import type { EntityState, TypeModel } from '@qcore/model'
import { QError } from '@qcore/errors'
import type { Children, EntitySource } from './entity-source.ts'
import type { Past } from './past.ts'
import type { TypeRegistry } from './type-registry.ts'

/** How often a reading is run; a path of the most steps needs ten rounds of loading. */
const mostAttempts = 50

/**
 * Runs a synchronous reading of entities as they were right after a revision. What it misses is loaded, and it is run
 * again, until it runs through.
 *
 * @throws QError `compacted`, `unavailable`; `deadline_exceeded` when the signal fires
 */
export async function readPast<T>(
  { past, types, revision }: { past: Past; types: TypeRegistry; revision: number },
  attempt: (source: EntitySource) => T,
  signal: AbortSignal,
): Promise<T> {
  const source = new PastSource(past, types, revision)
  for (let count = 0; count < mostAttempts; count++) {
    const result = attempt(source)
    if (source.isComplete) return result
    await source.load(signal)
  }
  throw new QError('internal', 'a reading of the past does not come to an end')
}

/** What was loaded of a revision, and what was asked for besides. */
class PastSource implements EntitySource {
  readonly #past: Past
  readonly #types: TypeRegistry
  readonly #revision: number
  readonly #entities = new Map<string, EntityState | null>()
  readonly #children = new Map<string, Children>()
  readonly #missedEntities = new Set<string>()
  readonly #missedChildren = new Set<string>()

  constructor(past: Past, types: TypeRegistry, revision: number) {
    this.#past = past
    this.#types = types
    this.#revision = revision
  }

  entity(id: string): EntityState | null | undefined {
    const entity = this.#entities.get(id)
    if (entity === undefined) this.#missedEntities.add(id)
    return entity
  }

  children(id: string): Children | undefined {
    const children = this.#children.get(id)
    if (children === undefined) this.#missedChildren.add(id)
    return children
  }

  type(name: string): TypeModel | undefined {
    return this.#types.get(name)
  }

  get isComplete(): boolean {
    return this.#missedEntities.size === 0 && this.#missedChildren.size === 0
  }

  async load(signal: AbortSignal): Promise<void> {
    if (this.#missedEntities.size > 0) {
      const entities = await this.#past.entities([...this.#missedEntities], this.#revision, signal)
      for (const [id, entity] of entities) this.#entities.set(id, entity)
      this.#missedEntities.clear()
    }
    if (this.#missedChildren.size > 0) {
      const lists = await this.#past.children([...this.#missedChildren], this.#revision)
      for (const [id, children] of lists) this.#children.set(id, children)
      this.#missedChildren.clear()
    }
  }
}
