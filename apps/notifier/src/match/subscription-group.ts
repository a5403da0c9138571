import { Trigger, type Subscription } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { parsePath, type FieldPath, type Grants } from '@qcore/model'
import { Filter } from '../notify/filter.ts'
import { schemaKey, structureKey, type LookUp } from './notified-change.ts'
import { assertShape } from './subscription-shape.ts'
import { subtreeKey } from './subtree-key.ts'

/** The context of subscriptions: what to read along, and what must hold. */
export interface WatchContext {
  readonly paths: readonly FieldPath[]
  /** Undefined: nothing has to hold. */
  readonly filter?: Filter
  /** What the caller of the stream holds. */
  readonly grants: Grants
  /** The same for equal contexts of all streams whose callers hold the same. */
  readonly key: string
}

/** For whom a write is: positions of subscriptions of one stream that share a context. */
export interface Selection<S> {
  readonly subscriber: S
  readonly context: WatchContext
  /** Ascending. */
  readonly positions: readonly number[]
}

/** Where the index has a group: as it is looked up; of a subtree, by its top and `subtreeKey`. */
export type GroupPlace = LookUp | { readonly kind: 'subtree'; readonly target: string; readonly field: string }

/** The subscriptions of one stream to one field, or kind of structure, of one entity or type, with one context. */
export type SubscriptionGroup<S> = GroupPlace & {
  /** Who gets a write of another value. */
  readonly whenChanged: Selection<S>
  /** Who gets a write of the same value. */
  readonly whenSame: Selection<S> | undefined
}

interface GroupDraft {
  place: GroupPlace
  context: WatchContext
  all: number[]
  onWrite: number[]
}

const separator = '\n'
/** Characters of the different filters of a stream: to compile them takes a quarter of a second. */
const mostFilterCharacters = 65_536

/**
 * Groups the subscriptions of a stream. What is kept per subscription is a number; nothing of the request is.
 *
 * @throws QError `invalid_path`, `invalid_expression`, `invalid_request`
 */
export function groupSubscriptions<S>(
  subscriptions: readonly Subscription[],
  subscriber: S,
  grants: Grants,
): SubscriptionGroup<S>[] {
  const contexts = new Contexts(grants)
  const drafts = new Map<string, GroupDraft>()
  for (const [position, subscription] of subscriptions.entries()) {
    const path = `subscriptions[${position}]`
    assertShape(subscription, path)
    const context = contexts.of(subscription, path)
    for (const place of placesOf(subscription)) {
      const key = [place.kind, place.target, place.field, context.key].join(separator)
      const draft = drafts.get(key) ?? { place, context, all: [], onWrite: [] }
      drafts.set(key, draft)
      draft.all.push(position)
      if (subscription.trigger === Trigger.WRITE) draft.onWrite.push(position)
    }
  }
  return [...drafts.values()].map((draft) => groupOf(draft, subscriber))
}

function placesOf({ target, fields, structure }: Subscription): GroupPlace[] {
  const names = [...fields, ...structure.map(structureKey)]
  switch (target.case) {
    case 'entityId':
      return names.map((field) => ({ kind: 'entity', target: target.value, field }))
    case 'entityType':
      return names.map((field) => ({ kind: 'type', target: target.value, field }))
    case 'query':
      return []
    case 'subtree': {
      const { rootId, type } = target.value
      return names.map((field) => ({ kind: 'subtree', target: rootId, field: subtreeKey(type, field) }))
    }
    case 'schemas':
      return [{ kind: 'schema', target: target.value.type, field: schemaKey }]
    default:
      return []
  }
}

/** The contexts of a stream: those that are equal are one, and so are filters. */
class Contexts {
  readonly #grants: Grants
  readonly #known = new Map<string, WatchContext>()
  readonly #filters = new Map<string, Filter>()
  #filterCharacters = 0

  constructor(grants: Grants) {
    this.#grants = grants
  }

  of({ context: paths, filter: text }: Subscription, field: string): WatchContext {
    const { hasAll, names } = this.#grants
    const holder = hasAll ? [] : [`held by ${[...names].join(' ')}`]
    const condition = text === '' ? [] : [`when ${text}`]
    const key = [...holder, ...condition, ...paths].join(separator)
    const found = this.#known.get(key)
    if (found !== undefined) return found
    const context: WatchContext = {
      key,
      grants: this.#grants,
      paths: paths.map((path, index) => parsePath(path, `${field}.context[${index}]`)),
      ...(text === '' ? {} : { filter: this.#filter(text, `${field}.filter`) }),
    }
    this.#known.set(key, context)
    return context
  }

  #filter(text: string, field: string): Filter {
    const known = this.#filters.get(text)
    if (known !== undefined) return known
    this.#filterCharacters += text.length
    if (this.#filterCharacters > mostFilterCharacters) {
      throw new QError('invalid_request', `different filters have at most ${mostFilterCharacters} characters`, {
        field,
      })
    }
    const filter = new Filter(text, field)
    this.#filters.set(text, filter)
    return filter
  }
}

function groupOf<S>({ place, context, all, onWrite }: GroupDraft, subscriber: S): SubscriptionGroup<S> {
  const whenChanged = { subscriber, context, positions: all }
  if (onWrite.length === all.length) return { ...place, whenChanged, whenSame: whenChanged }
  const whenSame = onWrite.length === 0 ? undefined : { subscriber, context, positions: onWrite }
  return { ...place, whenChanged, whenSame }
}
