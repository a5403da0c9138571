import {
  fetchSnapshotEntities,
  fetchSnapshotFields,
  type Executor,
  type SnapshotEntityRow,
  type SnapshotFieldRow,
} from '@qcore/database'

/** Rows of one statement: with the largest that they can be, some 20 MiB. */
const pageRows = 2_000

/** Rows of a cursor, one after the other, a page in memory. */
class PagedRows<T> {
  readonly #fetch: () => Promise<T[]>
  #page: T[] = []
  #next = 0

  constructor(fetch: () => Promise<T[]>) {
    this.#fetch = fetch
  }

  /** The next row, which stays the next one until `take`; undefined after the last. */
  async peek(): Promise<T | undefined> {
    if (this.#next === this.#page.length) {
      this.#page = await this.#fetch()
      this.#next = 0
    }
    return this.#page[this.#next]
  }

  /** The next row of the page in memory; undefined if a page has to be fetched first. */
  peekNow(): T | undefined {
    return this.#page[this.#next]
  }

  take(): void {
    this.#next++
  }
}

/** The rows of a snapshot: each entity, then its fields. */
export class SnapshotRows {
  readonly #entities: PagedRows<SnapshotEntityRow>
  readonly #fields: PagedRows<SnapshotFieldRow>

  /** The cursors must be open. */
  constructor(connection: Executor) {
    this.#entities = new PagedRows(() => fetchSnapshotEntities(connection, pageRows))
    this.#fields = new PagedRows(() => fetchSnapshotFields(connection, pageRows))
  }

  async nextEntity(): Promise<SnapshotEntityRow | undefined> {
    const entity = await this.#entities.peek()
    this.#entities.take()
    return entity
  }

  /** The next field of the entity that `nextEntity` gave; undefined after its last. */
  async nextField(entityId: string): Promise<SnapshotFieldRow | undefined> {
    const field = this.#fields.peekNow() ?? (await this.#fields.peek())
    if (field === undefined || field.entityId !== entityId) return undefined
    this.#fields.take()
    return field
  }
}
