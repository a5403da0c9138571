import type { FieldWrite } from './field-write.ts'
import type { Selection, SubscriptionGroup } from './subscription-group.ts'

type GroupsByField<S> = Map<string, Set<SubscriptionGroup<S>>>

/**
 * Finds the subscriptions that a write is for: two look-ups, by entity and field and by type and field, so the cost
 * depends on the subscriptions that match and not on how many there are.
 */
export class MatchIndex<S> {
  readonly #targets = {
    entity: new Map<string, GroupsByField<S>>(),
    type: new Map<string, GroupsByField<S>>(),
  }

  add(groups: Iterable<SubscriptionGroup<S>>): void {
    for (const group of groups) {
      const fields = entryOf(this.#targets[group.kind], group.target, () => new Map())
      entryOf(fields, group.field, () => new Set()).add(group)
    }
  }

  delete(groups: Iterable<SubscriptionGroup<S>>): void {
    for (const group of groups) {
      const targets = this.#targets[group.kind]
      const fields = targets.get(group.target)
      const members = fields?.get(group.field)
      members?.delete(group)
      if (members?.size === 0) fields?.delete(group.field)
      if (fields?.size === 0) targets.delete(group.target)
    }
  }

  /** Whether any subscription concerns an entity. */
  readonly isWatched = (entityId: string, entityType: string): boolean =>
    this.#targets.entity.has(entityId) || this.#targets.type.has(entityType)

  /** The streams that watch the field of a write, whatever its value. */
  subscribers(write: FieldWrite): S[] {
    const ofEntity = this.#targets.entity.get(write.entityId)?.get(write.name) ?? []
    const ofType = this.#targets.type.get(write.entityType)?.get(write.name) ?? []
    return [...ofEntity, ...ofType].map(({ whenChanged }) => whenChanged.subscriber)
  }

  /** Whether any stream watches the field of a write. */
  concerns(write: FieldWrite): boolean {
    const { entity, type } = this.#targets
    return entity.get(write.entityId)?.has(write.name) === true || type.get(write.entityType)?.has(write.name) === true
  }

  /** For whom a write is; one selection a stream and context. */
  select(write: FieldWrite): Selection<S>[] {
    const ofEntity = this.#targets.entity.get(write.entityId)?.get(write.name)
    const ofType = this.#targets.type.get(write.entityType)?.get(write.name)
    const selections: Selection<S>[] = []
    for (const groups of [ofEntity, ofType]) {
      for (const group of groups ?? []) {
        const selection = write.changed ? group.whenChanged : group.whenSame
        if (selection !== undefined) selections.push(selection)
      }
    }
    return ofEntity === undefined || ofType === undefined ? selections : mergeSelections(selections)
  }
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

/** A stream may watch a field by its entity and by its type: with the same context that is one notification. */
function mergeSelections<S>(selections: readonly Selection<S>[]): Selection<S>[] {
  const merged = new Map<S, Map<string, Selection<S>>>()
  for (const selection of selections) {
    const ofSubscriber = entryOf(merged, selection.subscriber, () => new Map<string, Selection<S>>())
    const other = ofSubscriber.get(selection.context.key)
    ofSubscriber.set(selection.context.key, other === undefined ? selection : union(other, selection))
  }
  return [...merged.values()].flatMap((ofSubscriber) => [...ofSubscriber.values()])
}

function union<S>(a: Selection<S>, b: Selection<S>): Selection<S> {
  const positions = [...new Set([...a.positions, ...b.positions])].sort((left, right) => left - right)
  return { ...a, positions }
}
