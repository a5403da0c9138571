import type { Delivery } from '@qcore/contracts'
import { notificationFromMessage, type AnyNotification } from '../notify/notification.ts'
import { toldChanges } from '../notify/told-change.ts'

/** Something that a registration selects has changed. */
export interface RegisteredChange {
  /** What changed. Of several changes that were folded: `previous` before the first, all else after the last. */
  readonly notification: AnyNotification
  /** The positions of the targets that it is for, ascending. */
  readonly targets: readonly number[]
  /** Names the message that it came in: the same wherever and however often that is sent. */
  readonly messageId: string
  /** The revision of the first change that is in it; that of the notification unless it was folded. */
  readonly firstRevision: number
  /** How many changes are in it; 1 unless it was folded. */
  readonly changes: number
}

/** The changes that a delivery tells of, in order. */
export function changesIn({ id, event }: Delivery): RegisteredChange[] {
  if (event.case !== 'notifications' && event.case !== 'folded') return []
  return toldChanges(event).map(({ message, origin }) => ({
    notification: notificationFromMessage(message, origin),
    targets: message.subscriptions,
    messageId: id,
    firstRevision: origin.folded?.firstRevision ?? origin.revision,
    changes: origin.folded?.changes ?? 1,
  }))
}
