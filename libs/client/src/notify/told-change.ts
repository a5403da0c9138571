import type { Notification as NotificationMessage, WatchResponse } from '@qcore/contracts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'

/** Changes that were folded into one notification: `previous` is before the first of them, everything else after the last. */
export interface Folded {
  /** The revision of the first; the notification has that of the last. */
  readonly firstRevision: number
  /** How many: two or more. */
  readonly changes: number
}

/** The commit that a notification is of; of changes that were folded, the last one. */
export interface Origin {
  readonly revision: number
  readonly time: Timestamp
  readonly folded?: Folded
}

/** A notification of a stream, and what it is of. */
export interface ToldChange {
  readonly message: NotificationMessage
  readonly origin: Origin
}

/** A part of what one revision changed, or of what several did. */
export type ToldEvent = Extract<WatchResponse['event'], { case: 'notifications' | 'folded' }>

/** The last revision that an event tells of. */
export function lastRevisionOf({ case: kind, value }: ToldEvent): number {
  return Number(kind === 'folded' ? value.lastRevision : value.revision)
}

/** What an event tells of, in order. */
export function toldChanges({ case: kind, value }: ToldEvent): ToldChange[] {
  const time = timestampFromMessage(value.commitTime)
  if (kind === 'notifications') {
    const origin = { revision: Number(value.revision), time }
    return value.notifications.map((message) => ({ message, origin }))
  }
  return value.notifications.flatMap(({ notification, firstRevision, lastRevision, changes }) => {
    if (notification === undefined) return []
    const origin = { revision: Number(lastRevision), time }
    const folded = { firstRevision: Number(firstRevision), changes }
    return { message: notification, origin: changes > 1 ? { ...origin, folded } : origin }
  })
}
