import type { LogRecord } from '@qcore/replica'
import { fieldWrites, type FieldWrite } from '../match/field-write.ts'
import type { MatchIndex } from '../match/match-index.ts'
import type { Selection } from '../match/subscription-group.ts'
import type { ContextResolver } from './context-resolver.ts'
import { OutgoingNotification } from './outgoing-notification.ts'

/** Position lists up to this length are compared in order to share notifications; longer ones hardly ever agree. */
const sharedPositions = 4

/** The writes of a commit that any stream watches, in the order of the changes. */
export function watchedWrites<S>(record: LogRecord, index: MatchIndex<S>): FieldWrite[] {
  const writes: FieldWrite[] = []
  for (const write of fieldWrites(record, index.isWatched)) if (index.concerns(write)) writes.push(write)
  return writes
}

/** The notifications of a commit for each stream that it concerns and may see it, in the order of the writes. */
export function notifyWrites<S>(
  writes: readonly FieldWrite[],
  index: MatchIndex<S>,
  resolver: ContextResolver,
): Map<S, OutgoingNotification[]> {
  const notifications = new Map<S, OutgoingNotification[]>()
  for (const write of writes) {
    const selections = index.select(write).filter(({ context }) => resolver.isVisible(write, context.grants))
    const shared = selections.length > 1 ? new Map<string, OutgoingNotification>() : undefined
    for (const selection of selections) {
      const notification = notificationFor(write, selection, resolver, shared)
      const ofSubscriber = notifications.get(selection.subscriber)
      if (ofSubscriber === undefined) notifications.set(selection.subscriber, [notification])
      else ofSubscriber.push(notification)
    }
  }
  return notifications
}

function notificationFor<S>(
  write: FieldWrite,
  { positions, context }: Selection<S>,
  resolver: ContextResolver,
  shared: Map<string, OutgoingNotification> | undefined,
): OutgoingNotification {
  if (shared === undefined || positions.length > sharedPositions) {
    return new OutgoingNotification(write, positions, context, resolver)
  }
  const key = `${positions.join(',')}\n${context.key}`
  const found = shared.get(key)
  if (found !== undefined) return found
  const notification = new OutgoingNotification(write, positions, context, resolver)
  shared.set(key, notification)
  return notification
}
