import type { CallOptions } from '../calls/caller.ts'
import type { Client } from '../client.ts'
import type { Moment } from '../read/consistency.ts'
import type { ExistsInput } from '../read/exists.ts'
import type { FieldRef } from '../read/field-reader.ts'
import { Pages, type PagesOptions } from '../read/pages.ts'
import { queryLimitsOf, queryTree, type QueriedEntity, type QueryInput, type QueryOptions } from '../read/query.ts'
import type { TypeSchema } from '../schema/schema.ts'
import type { Entity, Field } from '../values/field.ts'
import type { EntityRef } from '../values/value-input.ts'

type Asked = Pick<
  Client,
  'root' | 'get' | 'exists' | 'children' | 'query' | 'count' | 'read' | 'readMany' | 'schema' | 'types' | 'revisionAt'
>

type AsOf = CallOptions & { consistency: { readonly asOf: number } }

/**
 * A store as it was: its methods are those of the client, and all of them read one revision.
 *
 * @throws QError `compacted` if the log does not reach back that far; its metadata has `oldest_revision`.
 *   `future_revision` if the revision was not committed yet, or the time has not come yet
 */
export class PastStore {
  readonly #client: Asked
  readonly #moment: Moment
  #found: Promise<number> | undefined

  constructor(client: Asked, moment: Moment) {
    this.#client = client
    this.#moment = moment
  }

  /** The revision that is read: of a time, the newest one committed at or before it. */
  async revision(): Promise<number> {
    if (typeof this.#moment === 'number') return this.#moment
    // Asked once, for all: while a time is young, a commit under way may still get an earlier one.
    this.#found ??= this.#find(this.#moment)
    return this.#found
  }

  /** Reads the root. */
  async root(options: CallOptions = {}): Promise<Entity> {
    return this.#client.root(await this.#asOf(options))
  }

  /** Reads an entity. */
  async get(id: string, options: CallOptions = {}): Promise<Entity> {
    return this.#client.get(id, await this.#asOf(options))
  }

  /** Whether an entity, a type, or a field of a type existed. */
  async exists(what: ExistsInput, options: CallOptions = {}): Promise<boolean> {
    return this.#client.exists(what, await this.#asOf(options))
  }

  /** The children that an entity had, in their order then. */
  children(parent: EntityRef, options: CallOptions & PagesOptions = {}): Pages<Entity> {
    return new Pages(async (cursor, pageSize) => {
      return this.#client.children(parent, { ...(await this.#asOf(options)), pageSize }).page(cursor)
    }, options)
  }

  /** What a query found, page by page. */
  query(query: QueryInput, options: Omit<QueryOptions, 'consistency'> = {}): Pages<QueriedEntity> {
    const tree = queryTree(query)
    return new Pages(
      async (cursor, pageSize) => {
        return this.#client.query(tree, { ...(await this.#asOf(options)), pageSize }).page(cursor)
      },
      queryLimitsOf(tree, options),
    )
  }

  /** How many entities a query found. */
  async count(query: QueryInput, options: CallOptions = {}): Promise<number> {
    return this.#client.count(query, await this.#asOf(options))
  }

  /** Reads a field, or a path that ends in one; every step is as it was. */
  async read(entity: EntityRef, path: string, options: CallOptions = {}): Promise<Field> {
    return this.#client.read(entity, path, await this.#asOf(options))
  }

  /** Reads up to 1,000 fields. Throws the error of the first that has one. */
  async readMany(
    reads: readonly FieldRef[],
    options: CallOptions = {},
  ): Promise<{ revision: number; fields: Field[] }> {
    return this.#client.readMany(reads, await this.#asOf(options))
  }

  /** Reads the schema that a type had. */
  async schema(type: string, options: CallOptions = {}): Promise<TypeSchema> {
    return this.#client.schema(type, await this.#asOf(options))
  }

  /** The names of all types that there were, ordered. */
  async types(options: CallOptions = {}): Promise<string[]> {
    return this.#client.types(await this.#asOf(options))
  }

  async #asOf({ signal, timeoutMs }: CallOptions): Promise<AsOf> {
    return {
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      consistency: { asOf: await this.revision() },
    }
  }

  async #find(moment: Moment): Promise<number> {
    try {
      return await this.#client.revisionAt(moment)
    } catch (error) {
      this.#found = undefined
      throw error
    }
  }
}
