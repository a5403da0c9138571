import type { ReplicaSource } from './replica-source.ts'
import type { ReplicaTables } from './replica-tables.ts'

/** What a reading keeps in the cache until it is done. */
export class Pins {
  readonly #tables: ReplicaTables
  readonly #entities: string[] = []
  readonly #children: string[] = []

  constructor(tables: ReplicaTables) {
    this.#tables = tables
  }

  /** Loads, and keeps, what a reading missed. */
  async load({ missedEntities, missedChildren }: ReplicaSource): Promise<void> {
    const { entities, children } = this.#tables
    const loads: Promise<void>[] = []
    for (const id of new Set(missedEntities)) {
      entities.pin(id)
      this.#entities.push(id)
      loads.push(entities.load(id))
    }
    for (const id of new Set(missedChildren)) {
      children.pin(id)
      this.#children.push(id)
      loads.push(children.load(id))
    }
    await Promise.all(loads)
  }

  release(): void {
    for (const id of this.#entities) this.#tables.entities.unpin(id)
    for (const id of this.#children) this.#tables.children.unpin(id)
  }
}
