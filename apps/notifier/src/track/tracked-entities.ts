import type { EntityState, TypeModel } from '@qcore/model'
import {
  ChildList,
  typeOfChange,
  decodeSchemaChanged,
  type Children,
  type ChangeOutline,
  type EntitySource,
  type LogRecord,
} from '@qcore/replica'
import { entityAfter } from '../context-fields/entity-after.ts'
import { entitySize } from './entity-size.ts'
import type { StateBudget } from './state-budget.ts'

interface Kept<V> {
  /** Undefined: it is not known any more; whoever looks at it reads the log again, and brings it along. */
  value: V | undefined
  size: number
  users: number
}

type EntityChange = Extract<ChangeOutline, { entityId: string }>

/**
 * The entities that trackers of live streams look at, as of the applied revision. Trackers say what they need, with its state;
 * from then on the log keeps it exact.
 */
export class TrackedEntities implements EntitySource {
  readonly #entities = new Map<string, Kept<EntityState | null>>()
  readonly #children = new Map<string, Kept<ChildList>>()
  /** Those that the newest commit created, of types that somebody watches. */
  readonly #created = new Map<string, EntityState>()
  readonly #typeOf: (name: string) => TypeModel | undefined
  readonly #budget: StateBudget

  constructor(typeOf: (name: string) => TypeModel | undefined, budget: StateBudget) {
    this.#typeOf = typeOf
    this.#budget = budget
  }

  entity(id: string): EntityState | null | undefined {
    const kept = this.#entities.get(id)?.value
    return kept === undefined ? this.#created.get(id) : kept
  }

  children(id: string): Children | undefined {
    return this.#children.get(id)?.value
  }

  type(name: string): TypeModel | undefined {
    return this.#typeOf(name)
  }

  /** An entity has so many users more, or fewer; one without users is forgotten. */
  keepEntity(id: string, users: number, state: EntityState | null | undefined): void {
    const kept = this.#keep(this.#entities, id, users)
    if (kept !== undefined && kept.value === undefined && state !== undefined) this.#set(kept, state, entitySize(state))
  }

  /** The same of the children of an entity. */
  keepChildren(id: string, users: number, list: Children | undefined): void {
    const kept = this.#keep(this.#children, id, users)
    if (kept?.value === undefined && kept !== undefined && list instanceof ChildList) this.#set(kept, list, list.size)
  }

  /** Takes the next commit. */
  apply(record: LogRecord, isWatched: (type: string) => boolean): void {
    this.#created.clear()
    for (const change of record.changes) {
      if (change.kind === 'schema_changed') this.#forgetType(typeOfChange(decodeSchemaChanged(change)))
      else if (change.kind !== 'other') {
        this.#applyToEntity(change, record, isWatched)
        if (change.kind !== 'field_changed') this.#applyToChildren(change)
      }
    }
  }

  #applyToEntity(change: EntityChange, record: LogRecord, isWatched: (type: string) => boolean): void {
    const { entityId: id } = change
    const kept = this.#entities.get(id)
    const before = kept?.value ?? this.#created.get(id)
    const isWhole = change.kind === 'entity_created' || change.kind === 'entity_deleted'
    if (before === undefined && kept?.value !== null && !isWhole) return
    if (kept === undefined && !this.#created.has(id) && !(isWhole && isWatched(change.type))) return
    const after = entityAfter(before ?? null, change, { record, typeOf: this.#typeOf })
    if (kept !== undefined) this.#set(kept, after, entitySize(after ?? null))
    else if (after === undefined || after === null) this.#created.delete(id)
    else this.#created.set(id, after)
  }

  #applyToChildren(change: Exclude<EntityChange, { kind: 'field_changed' }>): void {
    const { entityId: id, parentId, name, place } = change
    if (change.kind === 'entity_changed') {
      this.#children.get(change.previous.parentId)?.value?.remove({ id, ...change.previous })
    }
    const list = this.#children.get(parentId)?.value
    if (change.kind === 'entity_deleted') list?.remove({ id, name, place })
    else list?.add({ id, name, place })
  }

  /** Its entities have other fields, or their children another order. */
  #forgetType(type: string): void {
    for (const kept of this.#entities.values()) if (kept.value?.type === type) this.#set(kept, undefined, 0)
    for (const kept of this.#children.values()) this.#set(kept, undefined, 0)
  }

  #keep<V>(map: Map<string, Kept<V>>, id: string, users: number): Kept<V> | undefined {
    const kept = map.get(id) ?? { value: undefined, size: 0, users: 0 }
    kept.users += users
    if (kept.users > 0) {
      map.set(id, kept)
      return kept
    }
    if (map.delete(id)) this.#budget.take(-kept.size)
    return undefined
  }

  #set<V>(kept: Kept<V>, value: V | undefined, size: number): void {
    this.#budget.take(size - kept.size)
    kept.value = value
    kept.size = size
  }
}
