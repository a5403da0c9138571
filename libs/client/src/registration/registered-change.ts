import type { Delivery, Notification as NotificationMessage } from '@qcore/contracts'
import { notificationFromMessage } from '../notify/notification.ts'
import { timestampFromMessage } from '../values/timestamp.ts'

/** Something that a registration selects has changed. */
export interface RegisteredChange {
  /** What changed. Of several changes that were folded: `previous` before the first, all else after the last. */
  readonly notification: ReturnType<typeof notificationFromMessage>
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
  if (event.case === 'notifications') {
    const { commitTime, notifications } = event.value
    const revision = Number(event.value.revision)
    const commit = { revision, time: timestampFromMessage(commitTime) }
    return notifications.map((message) => changeOf(message, commit, { id, firstRevision: revision, changes: 1 }))
  }
  if (event.case !== 'folded') return []
  const time = timestampFromMessage(event.value.commitTime)
  return event.value.notifications.flatMap(({ notification, firstRevision, lastRevision, changes }) => {
    if (notification === undefined) return []
    const commit = { revision: Number(lastRevision), time }
    return changeOf(notification, commit, { id, firstRevision: Number(firstRevision), changes })
  })
}

function changeOf(
  message: NotificationMessage,
  commit: Parameters<typeof notificationFromMessage>[1],
  { id, firstRevision, changes }: { id: string; firstRevision: number; changes: number },
): RegisteredChange {
  const notification = notificationFromMessage(message, commit)
  return { notification, targets: message.subscriptions, messageId: id, firstRevision, changes }
}
