import type { NotifiedChange } from './notified-change.ts'
import type { Selection, SubscriptionGroup } from './subscription-group.ts'
import { SubtreeIndex } from './subtree-index.ts'

/** Most fields are watched by one: a set would take more memory than the rest of its subscription. */
type Members<S> = SubscriptionGroup<S> | Set<SubscriptionGroup<S>>
type GroupsByField<S> = Map<string, Members<S>>

/**
 * Finds the subscriptions that a change is for: a few look-ups, by entity and field and by type and field, so the cost
 * depends on the subscriptions that match and not on how many there are.
 */
export class MatchIndex<S> {
  readonly #targets = {
    entity: new Map<string, GroupsByField<S>>(),
    type: new Map<string, GroupsByField<S>>(),
    schema: new Map<string, GroupsByField<S>>(),
  }
  readonly subtrees = new SubtreeIndex<S>()
  #structureGroups = 0
  /** Groups that `select` has looked at. */
  candidates = 0

  add(groups: Iterable<SubscriptionGroup<S>>): void {
    for (const group of groups) {
      if (group.kind === 'subtree') {
        this.subtrees.add(group)
        continue
      }
      const fields = entryOf(this.#targets[group.kind], group.target, (): GroupsByField<S> => new Map())
      addTo(fields, group)
      if (isOfStructure(group)) this.#structureGroups += 1
    }
  }

  delete(groups: Iterable<SubscriptionGroup<S>>): void {
    for (const group of groups) {
      if (group.kind === 'subtree') {
        this.subtrees.delete(group)
        continue
      }
      const targets = this.#targets[group.kind]
      const fields = targets.get(group.target)
      if (fields === undefined) continue
      if (deleteFrom(fields, group) && isOfStructure(group)) this.#structureGroups -= 1
      if (fields.size === 0) targets.delete(group.target)
    }
  }

  /** Whether any subscription concerns an entity. */
  readonly isWatched = (entityId: string, entityType: string): boolean =>
    this.#targets.entity.has(entityId) || this.#targets.type.has(entityType)

  /** Whether any subscription concerns structure. */
  get watchesStructure(): boolean {
    return this.#structureGroups > 0
  }

  get watchesSchemas(): boolean {
    return this.#targets.schema.size > 0
  }

  /** The streams that a change may be for, whatever it changes. */
  subscribers(change: NotifiedChange): S[] {
    return this.#found(change).flatMap((groups) => Array.from(groups, ({ whenChanged }) => whenChanged.subscriber))
  }

  /** Whether a change may be for any stream. */
  concerns({ lookUps }: NotifiedChange): boolean {
    return lookUps.some(({ kind, target, field }) => this.#targets[kind].get(target)?.has(field) === true)
  }

  /** For whom a change is; one selection a stream and context. */
  select(change: NotifiedChange): Selection<S>[] {
    const found = this.#found(change)
    const selections: Selection<S>[] = []
    for (const groups of found) {
      for (const group of groups) {
        this.candidates += 1
        const selection = change.changed ? group.whenChanged : group.whenSame
        if (selection !== undefined) selections.push(selection)
      }
    }
    return found.length <= 1 ? selections : mergeSelections(selections)
  }

  #found({ lookUps }: NotifiedChange): Iterable<SubscriptionGroup<S>>[] {
    const found: Iterable<SubscriptionGroup<S>>[] = []
    for (const { kind, target, field } of lookUps) {
      const members = this.#targets[kind].get(target)?.get(field)
      if (members !== undefined) found.push(members instanceof Set ? members : [members])
    }
    return found
  }
}

function addTo<S>(fields: GroupsByField<S>, group: SubscriptionGroup<S>): void {
  const members = fields.get(group.field)
  if (members === undefined) fields.set(group.field, group)
  else if (members instanceof Set) members.add(group)
  else if (members !== group) fields.set(group.field, new Set([members, group]))
}

/** Gives whether it was there. */
function deleteFrom<S>(fields: GroupsByField<S>, group: SubscriptionGroup<S>): boolean {
  const members = fields.get(group.field)
  const wasThere = members instanceof Set ? members.delete(group) : members === group
  if (members === group || (members instanceof Set && members.size === 0)) fields.delete(group.field)
  return wasThere
}

function isOfStructure({ field }: { field: string }): boolean {
  return field.startsWith('#')
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

/** A stream may watch a field by its entity and by its type: with the same context that is one notification. */
export function mergeSelections<S>(selections: readonly Selection<S>[]): Selection<S>[] {
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
