import type { WatchStream } from '../stream/watch-stream.ts'
import type { TrackedOutcome } from '../live/live-tracking.ts'
import type { TrackedChange } from '../track/stream-trackers.ts'
import type { ContextResolver } from './context-resolver.ts'
import { OutgoingNotification } from './outgoing-notification.ts'

/** The notifications of what the trackers of one stream have found. */
export function notifyTracked(changes: readonly TrackedChange[], resolver: ContextResolver): OutgoingNotification[] {
  return changes.flatMap(({ tracker, change }) => {
    const positions = tracker.positionsFor(change)
    if (positions.length === 0) return []
    const notification = new OutgoingNotification(change, positions, tracker.context, resolver)
    return notification.isWanted ? [notification] : []
  })
}

/** The same of all streams that have something to tell. */
export function trackedNotifications(
  outcomes: ReadonlyMap<WatchStream, TrackedOutcome>,
  resolver: ContextResolver,
): Map<WatchStream, OutgoingNotification[]> {
  const notifications = new Map<WatchStream, OutgoingNotification[]>()
  for (const [stream, outcome] of outcomes) {
    const ofStream = outcome === 'behind' ? [] : notifyTracked(outcome, resolver)
    if (ofStream.length > 0) notifications.set(stream, ofStream)
  }
  return notifications
}

/** The notifications of each stream together, in the order of the arguments. */
export function merged<S>(
  ...parts: readonly ReadonlyMap<S, readonly OutgoingNotification[]>[]
): Map<S, OutgoingNotification[]> {
  const all = new Map<S, OutgoingNotification[]>()
  for (const part of parts) {
    for (const [stream, notifications] of part) all.set(stream, [...(all.get(stream) ?? []), ...notifications])
  }
  return all
}
