import type { ChangeOutline, LogRecord } from '@qcore/replica'
import { childrenKey, entityKey, fieldKey, typeFieldKey, typeKey } from './dependency-key.ts'

/** Finds out which evaluations a commit may change: by what they looked at. */
export class DependencyIndex<T> {
  /** By key and tracker, the entities whose evaluations looked at it; undefined: that which changes. */
  readonly #dependents = new Map<string, Map<T, Set<string> | undefined>>()
  /** Evaluations that were found. */
  candidates = 0

  /** An evaluation of an entity depends on something. */
  add(key: string, tracker: T, entityId: string): void {
    let ofKey = this.#dependents.get(key)
    if (ofKey === undefined) this.#dependents.set(key, (ofKey = new Map()))
    const known = ofKey.get(tracker)
    if (known === undefined) ofKey.set(tracker, new Set([entityId]))
    else known.add(entityId)
  }

  delete(key: string, tracker: T, entityId: string): void {
    const entityIds = this.#dependents.get(key)?.get(tracker)
    entityIds?.delete(entityId)
    if (entityIds?.size === 0) this.deleteType(key, tracker)
  }

  /** Evaluations of all entities of a type depend on what the key says of their own. */
  addType(key: string, tracker: T): void {
    let ofKey = this.#dependents.get(key)
    if (ofKey === undefined) this.#dependents.set(key, (ofKey = new Map()))
    ofKey.set(tracker, undefined)
  }

  deleteType(key: string, tracker: T): void {
    const ofKey = this.#dependents.get(key)
    if (ofKey?.delete(tracker) === true && ofKey.size === 0) this.#dependents.delete(key)
  }

  /** Whether any tracker watches the entities of a type. */
  watchesType(type: string): boolean {
    return this.#dependents.has(typeKey(type))
  }

  /**
   * The entities that have to be evaluated again after a commit, by tracker.
   *
   * @param isMeant which trackers
   */
  affected({ changes }: LogRecord, isMeant: (tracker: T) => boolean): Map<T, Set<string>> {
    const affected = new Map<T, Set<string>>()
    for (const change of changes) {
      if (change.kind === 'schema_changed' || change.kind === 'other') continue
      for (const key of keysOf(change)) {
        for (const [tracker, entityIds = [change.entityId]] of this.#dependents.get(key) ?? []) {
          if (!isMeant(tracker)) continue
          const known = affected.get(tracker)
          if (known === undefined) affected.set(tracker, new Set(entityIds))
          else for (const id of entityIds) known.add(id)
        }
      }
    }
    for (const entityIds of affected.values()) this.candidates += entityIds.size
    return affected
  }
}

function keysOf(change: Extract<ChangeOutline, { entityId: string }>): string[] {
  const { entityId, type } = change
  switch (change.kind) {
    case 'field_changed':
      return [fieldKey(entityId, change.name), typeFieldKey(type, change.name)]
    case 'entity_changed':
      return [entityKey(entityId), typeKey(type), childrenKey(change.parentId), childrenKey(change.previous.parentId)]
    default:
      return [entityKey(entityId), typeKey(type), childrenKey(change.parentId)]
  }
}
