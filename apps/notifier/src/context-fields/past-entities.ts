import type { ContextField } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { EntityState, TypeModel } from '@qcore/model'
import {
  decodeSchemaChanged,
  resolvePath,
  visibleSource,
  type Children,
  type EntitySource,
  type LogRecord,
  type Past,
  type PresentTypes,
  type TypeRegistry,
} from '@qcore/replica'
import { contextField } from './context-field.ts'
import { entityAfter } from './entity-after.ts'
import type { ContextRead } from './context-read.ts'

/** A path of the most steps needs ten rounds of loading; one that needs more does not come to an end. */
const mostRounds = 20
/** A reading may walk to the root of the deepest tree, and down again. */
const mostAttemptRounds = 200
/** Entities, and lists of children, that are kept; beyond it all are loaded anew. */
const mostKept = 10_000

/** Entities as of one revision, which can be moved on commit by commit. What is not here is loaded from the past. */
export class PastEntities implements EntitySource {
  readonly #past: Past
  readonly #mostKept: number
  #revision: number
  readonly #entities = new Map<string, EntityState | null>()
  readonly #children = new Map<string, Children>()
  readonly #missedEntities = new Set<string>()
  readonly #missedChildren = new Set<string>()
  /** Those of the revision; loaded with the first entity. */
  #types: TypeRegistry | undefined
  #loading: Promise<void> | undefined

  /** @param most entities, and lists of children, that are kept */
  constructor(past: Past, revision: number, most = mostKept) {
    this.#past = past
    this.#revision = revision
    this.#mostKept = most
  }

  get revision(): number {
    return this.#revision
  }

  /** The types of the revision. Throws `unavailable`. */
  async types(): Promise<TypeRegistry> {
    this.#types ??= await this.#past.types(this.#revision)
    return this.#types
  }

  /** Runs a reading, which is undefined as long as something that it needs is not here, until it runs through. */
  async attempt<T>(read: (source: EntitySource) => T | undefined): Promise<T> {
    await this.types()
    for (let round = 0; round < mostAttemptRounds; round++) {
      const result = read(this)
      if (result !== undefined) return result
      await this.#loadMissed()
    }
    throw new QError('internal', 'a reading of the past does not come to an end')
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
    return this.#types?.get(name)
  }

  /** Follows a path at the revision, as far as the caller may see by what is asked for now; loads what it leads over. */
  async read({ entityId, path, grants }: ContextRead, present: PresentTypes | undefined): Promise<ContextField> {
    // What asks for nothing now may have asked for something then.
    const restrictions = {
      get: (name: string) => (present === undefined ? this.type(name) : present.get(name)),
      isRestricted: true,
    }
    const source = visibleSource(this, restrictions, grants)
    for (let round = 0; round < mostRounds; round++) {
      const target = resolvePath(source, entityId, path)
      if (target !== undefined) return contextField(target)
      await this.#loadMissed()
    }
    throw new QError('internal', `the path that ends in ${path.field} does not come to an end`)
  }

  /** Loads entities that will be asked for, in one go. */
  async prefetch(ids: Iterable<string>): Promise<void> {
    for (const id of ids) this.entity(id)
    await this.#loadMissed()
  }

  /** Moves on to the next revision. */
  advance(record: LogRecord): void {
    this.#revision = record.revision
    if (this.#entities.size > this.#mostKept) this.#entities.clear()
    if (this.#children.size > this.#mostKept) this.#children.clear()
    for (const change of record.changes) {
      if (change.kind === 'other') continue
      if (change.kind === 'schema_changed') {
        this.#types?.apply(decodeSchemaChanged(change))
        // Its entities have other fields from now on, and perhaps other orders of children.
        this.#entities.clear()
        this.#children.clear()
        continue
      }
      const entity = this.#entities.get(change.entityId)
      if (entity !== undefined) {
        const after = entityAfter(entity, change, { record, typeOf: (name) => this.type(name) })
        if (after === undefined) this.#entities.delete(change.entityId)
        else this.#entities.set(change.entityId, after)
      }
      if (change.kind !== 'field_changed') this.#children.delete(change.parentId)
      if (change.kind === 'entity_changed') this.#children.delete(change.previous.parentId)
    }
  }

  /** Paths that are read at the same time load together. */
  #loadMissed(): Promise<void> {
    this.#loading ??= Promise.resolve().then(() => {
      this.#loading = undefined
      return this.#load()
    })
    return this.#loading
  }

  async #load(): Promise<void> {
    const ids = [...this.#missedEntities]
    const parentIds = [...this.#missedChildren]
    this.#missedEntities.clear()
    this.#missedChildren.clear()
    const [types, entities, lists] = await Promise.all([
      this.#types ?? this.#past.types(this.#revision),
      ids.length === 0 ? new Map<string, EntityState | null>() : this.#past.entities(ids, this.#revision),
      parentIds.length === 0 ? new Map<string, Children>() : this.#past.children(parentIds, this.#revision),
    ])
    this.#types = types
    for (const id of ids) this.#entities.set(id, entities.get(id) ?? null)
    for (const [id, list] of lists) this.#children.set(id, list)
  }
}
