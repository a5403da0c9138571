/** A part of a list of entities. */
export interface Page<T> {
  readonly entities: readonly T[]
  /** For the next page; empty on the last. */
  readonly cursor: string
  /** The revision that the page belongs to; all pages of one list belong to one. */
  readonly revision: number
}

/** The most that a page may hold. */
const largestPage = 1_000
const defaultPage = 100

export interface PagesOptions {
  /** At most this many entities in all; default: all of them. */
  readonly limit?: number
  /** At most this many a page, 1 to 1,000; default 100. */
  readonly pageSize?: number
}

type FetchPage<T> = (cursor: string, size: number) => Promise<Page<T>>

/** A list that is read page by page: iterate over it, take all of it, or take a page. Nothing is read before. */
export class Pages<T> implements AsyncIterable<T> {
  readonly #fetch: FetchPage<T>
  readonly #limit: number
  readonly #pageSize: number

  constructor(fetch: FetchPage<T>, { limit = Infinity, pageSize = defaultPage }: PagesOptions) {
    this.#fetch = fetch
    this.#limit = limit
    this.#pageSize = Math.min(pageSize, largestPage, limit)
  }

  /** Reads one page: the first, or the one after a page by its cursor. */
  page(cursor = ''): Promise<Page<T>> {
    return this.#fetch(cursor, this.#pageSize)
  }

  /** The same list with something made of each entity. */
  map<To>(make: (entity: T) => To): Pages<To> {
    const fetch: FetchPage<To> = async (cursor, size) => {
      const page = await this.#fetch(cursor, size)
      return { ...page, entities: page.entities.map(make) }
    }
    return new Pages(fetch, { limit: this.#limit, pageSize: this.#pageSize })
  }

  /** Reads all pages. */
  async toArray(): Promise<T[]> {
    const entities: T[] = []
    for await (const entity of this) entities.push(entity)
    return entities
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    let left = this.#limit
    let cursor = ''
    while (left > 0) {
      // Always of the same size: a cursor belongs to its request, and that is part of it.
      const page = await this.#fetch(cursor, this.#pageSize)
      yield* left < page.entities.length ? page.entities.slice(0, left) : page.entities
      left -= page.entities.length
      cursor = page.cursor
      if (cursor === '') return
    }
  }
}
