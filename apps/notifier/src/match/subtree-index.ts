import type { LogRecord } from '@qcore/replica'
import type { SubscriptionGroup } from './subscription-group.ts'
import { subtreeKey, subtreeKeyParts } from './subtree-key.ts'

/**
 * The subscriptions to subtrees, by the entity at the top of each: whoever walks from an entity to the root meets those that
 * it belongs to. So a change costs the depth of the tree, and the subscriptions that match.
 */
export class SubtreeIndex<S> {
  readonly #byRoot = new Map<string, Map<string, Set<SubscriptionGroup<S>>>>()
  readonly #keys = new Map<string, number>()
  readonly #types = new Map<string, number>()
  /** Groups that were looked at. */
  candidates = 0

  get isEmpty(): boolean {
    return this.#byRoot.size === 0
  }

  add(group: SubscriptionGroup<S>): void {
    const { target, field: key } = group
    const ofRoot = this.#byRoot.get(target) ?? new Map<string, Set<SubscriptionGroup<S>>>()
    this.#byRoot.set(target, ofRoot)
    const groups = ofRoot.get(key) ?? new Set()
    ofRoot.set(key, groups.add(group))
    count(this.#keys, key, 1)
    count(this.#types, subtreeKeyParts(key).type, 1)
  }

  delete(group: SubscriptionGroup<S>): void {
    const { target, field: key } = group
    const ofRoot = this.#byRoot.get(target)
    const groups = ofRoot?.get(key)
    if (groups?.delete(group) !== true) return
    count(this.#keys, key, -1)
    count(this.#types, subtreeKeyParts(key).type, -1)
    if (groups.size === 0) ofRoot?.delete(key)
    if (ofRoot?.size === 0) this.#byRoot.delete(target)
  }

  /** Whether a commit may concern any subtree: by the types and fields that it changes, wherever they are. */
  concerns({ changes }: LogRecord): boolean {
    if (this.isEmpty) return false
    return changes.some((change) => {
      if (change.kind === 'field_changed') return this.watches(change.type, change.name)
      if (change.kind === 'schema_changed' || change.kind === 'other') return false
      // What moves takes its descendants along, of whatever type; and its parent may be of any.
      return change.kind === 'entity_changed' || this.#types.has(change.type) || this.#types.has('')
    })
  }

  /** Whether any subtree is watched for a field of a type. */
  watches(type: string, field: string): boolean {
    return this.#keys.has(subtreeKey(type, field))
  }

  /** Whether anything is watched of the subtree of an entity. */
  isRoot(id: string): boolean {
    return this.#byRoot.has(id)
  }

  groups(rootId: string, key: string): ReadonlySet<SubscriptionGroup<S>> {
    const groups = this.#byRoot.get(rootId)?.get(key)
    this.candidates += groups?.size ?? 0
    return groups ?? new Set()
  }

  /** All that is watched of the subtree of an entity. */
  ofRoot(rootId: string): SubscriptionGroup<S>[] {
    return [...(this.#byRoot.get(rootId)?.values() ?? [])].flatMap((groups) => [...groups])
  }
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by
  if (next > 0) counts.set(key, next)
  else counts.delete(key)
}
