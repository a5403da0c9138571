import type { MatchIndex } from '../match/match-index.ts'
import type { NotifiedChange } from '../match/notified-change.ts'
import type { SelectedChange } from '../match/subtree-changes.ts'
import type { Selection } from '../match/subscription-group.ts'
import type { ContextResolver } from './context-resolver.ts'
import { OutgoingNotification } from './outgoing-notification.ts'

/** Position lists up to this length are compared in order to share notifications; longer ones hardly ever agree. */
const sharedPositions = 4

/** The notifications of a commit for each stream that it concerns and may see it, in the order of the changes. */
export function notifyChanges<S>(
  changes: readonly NotifiedChange[],
  index: MatchIndex<S>,
  resolver: ContextResolver,
): Map<S, OutgoingNotification[]> {
  return notifySelected(
    changes.map((change) => ({ change, selections: index.select(change) })),
    resolver,
  )
}

/** The same of changes of which is known for whom they are. */
export function notifySelected<S>(
  selected: readonly SelectedChange<S>[],
  resolver: ContextResolver,
): Map<S, OutgoingNotification[]> {
  const notifications = new Map<S, OutgoingNotification[]>()
  for (const { change, selections } of selected) {
    const seen = selections.filter(({ context }) => change.isVisible(resolver, context.grants))
    const shared = seen.length > 1 ? new Map<string, OutgoingNotification>() : undefined
    for (const selection of seen) {
      const notification = notificationFor(change, selection, resolver, shared)
      if (!notification.isWanted) continue
      const ofSubscriber = notifications.get(selection.subscriber)
      if (ofSubscriber === undefined) notifications.set(selection.subscriber, [notification])
      else ofSubscriber.push(notification)
    }
  }
  return notifications
}

function notificationFor<S>(
  change: NotifiedChange,
  { positions, context }: Selection<S>,
  resolver: ContextResolver,
  shared: Map<string, OutgoingNotification> | undefined,
): OutgoingNotification {
  if (shared === undefined || positions.length > sharedPositions) {
    return new OutgoingNotification(change, positions, context, resolver)
  }
  const key = `${positions.join(',')}\n${context.key}`
  const found = shared.get(key)
  if (found !== undefined) return found
  const notification = new OutgoingNotification(change, positions, context, resolver)
  shared.set(key, notification)
  return notification
}
