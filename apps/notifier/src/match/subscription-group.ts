import { Trigger, type Subscription } from '@qcore/contracts'
import { parsePath, type FieldPath, type Grants } from '@qcore/model'

/** The context of subscriptions: what to read along. */
export interface WatchContext {
  readonly paths: readonly FieldPath[]
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

/** The subscriptions of one stream to one field of one entity or type, with one context. */
export interface SubscriptionGroup<S> {
  readonly kind: 'entity' | 'type'
  /** The id of the entity, or the name of the type. */
  readonly target: string
  readonly field: string
  /** Who gets a write of another value. */
  readonly whenChanged: Selection<S>
  /** Who gets a write of the same value. */
  readonly whenSame: Selection<S> | undefined
}

interface GroupDraft {
  kind: 'entity' | 'type'
  target: string
  field: string
  context: WatchContext
  all: number[]
  onWrite: number[]
}

const separator = '\n'

/**
 * Groups the subscriptions of a stream. What is kept per subscription is a number; nothing of the request is.
 *
 * @throws QError `invalid_path`
 */
export function groupSubscriptions<S>(
  subscriptions: readonly Subscription[],
  subscriber: S,
  grants: Grants,
): SubscriptionGroup<S>[] {
  const contexts = new Map<string, WatchContext>()
  const drafts = new Map<string, GroupDraft>()
  for (const [position, subscription] of subscriptions.entries()) {
    const context = internContext(contexts, subscription.context, {
      grants,
      field: `subscriptions[${position}].context`,
    })
    const kind = subscription.target.case === 'entityId' ? 'entity' : 'type'
    const target = subscription.target.value ?? ''
    for (const field of subscription.fields) {
      const key = `${kind}${separator}${target}${separator}${field}${separator}${context.key}`
      const draft = drafts.get(key) ?? { kind, target, field, context, all: [], onWrite: [] }
      drafts.set(key, draft)
      draft.all.push(position)
      if (subscription.trigger === Trigger.WRITE) draft.onWrite.push(position)
    }
  }
  return [...drafts.values()].map((draft) => groupOf(draft, subscriber))
}

function internContext(
  known: Map<string, WatchContext>,
  paths: readonly string[],
  { grants, field }: { grants: Grants; field: string },
): WatchContext {
  const holder = grants.hasAll ? [] : [`held by ${[...grants.names].join(' ')}`]
  const key = [...holder, ...paths].join(separator)
  const found = known.get(key)
  if (found !== undefined) return found
  const context = { key, grants, paths: paths.map((path, index) => parsePath(path, `${field}[${index}]`)) }
  known.set(key, context)
  return context
}

function groupOf<S>({ kind, target, field, context, all, onWrite }: GroupDraft, subscriber: S): SubscriptionGroup<S> {
  const whenChanged = { subscriber, context, positions: all }
  if (onWrite.length === all.length) return { kind, target, field, whenChanged, whenSame: whenChanged }
  const whenSame = onWrite.length === 0 ? undefined : { subscriber, context, positions: onWrite }
  return { kind, target, field, whenChanged, whenSame }
}
