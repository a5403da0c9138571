import type { Replica } from '@qcore/replica'

/** Pages that are loaded at a time: what is found meanwhile is loaded when it is found again. */
const mostPages = 4
/** What is found in larger pages is mostly exported. */
const mostEntities = 100
const timeoutMs = 5_000

/**
 * Loads what was found into the reader's cache, while there is room: whoever finds entities mostly reads them next, and of
 * entities that are cached PostgreSQL is asked for the ids alone. Nobody waits for it.
 */
export class ReadAhead {
  readonly #replica: Replica
  #pages = 0

  constructor(replica: Replica) {
    this.#replica = replica
  }

  /** Begins to load entities, if they are worth it. */
  load(ids: readonly string[]): void {
    const { entities } = this.#replica.tables
    if (this.#pages >= mostPages || ids.length > mostEntities || !entities.hasMuchRoom) return
    void this.#load(ids)
  }

  async #load(ids: readonly string[]): Promise<void> {
    this.#pages++
    try {
      const look = (source: { entity(id: string): unknown }): void => {
        for (const id of ids) source.entity(id)
      }
      await this.#replica.read(look, { signal: AbortSignal.timeout(timeoutMs) })
    } catch {
      // Whoever reads them is told what is wrong.
    } finally {
      this.#pages--
    }
  }
}
