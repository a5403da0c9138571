import { create } from '@bufbuild/protobuf'
import {
  RevisionNotificationsSchema,
  WatchLiveSchema,
  WatchProgressSchema,
  WatchResponseSchema,
  type WatchResponse,
} from '@qcore/contracts'
import type { OutgoingNotification } from '../notify/outgoing-notification.ts'
import type { RevisionNotice } from './revision-notice.ts'

/** A response grows no further than this unless its first notification is larger; NATS carries a megabyte. */
export const mostResponseBytes = 716_800

export function liveResponse(revision: number, logId: string): WatchResponse {
  const value = create(WatchLiveSchema, { revision: BigInt(revision), logId })
  return create(WatchResponseSchema, { event: { case: 'live', value } })
}

export function progressResponse(revision: number): WatchResponse {
  const value = create(WatchProgressSchema, { revision: BigInt(revision) })
  return create(WatchResponseSchema, { event: { case: 'progress', value } })
}

/** The responses for a notice: one, several with `more` if one would be too large, none if it is empty. */
export function noticeResponses(notice: RevisionNotice): WatchResponse[] {
  const [first] = notice.notifications
  if (first !== undefined && notice.notifications.length === 1) {
    return [(first.soleResponse ??= notificationsResponse(notice, [first], false))]
  }
  const parts = splitBySize(notice.notifications)
  return parts.map((part, index) => notificationsResponse(notice, part, index < parts.length - 1))
}

/** The responses for the results that a stream begins with: at least one. */
export function initialResponses(notice: RevisionNotice): WatchResponse[] {
  const responses = noticeResponses(notice)
  return responses.length > 0 ? responses : [notificationsResponse(notice, [], false)]
}

function splitBySize(notifications: readonly OutgoingNotification[]): OutgoingNotification[][] {
  const parts: OutgoingNotification[][] = []
  let partBytes = Infinity
  for (const notification of notifications) {
    if (partBytes + notification.bytes > mostResponseBytes) {
      parts.push([])
      partBytes = 0
    }
    parts.at(-1)?.push(notification)
    partBytes += notification.bytes
  }
  return parts
}

function notificationsResponse(
  { revision, commitTime }: RevisionNotice,
  part: readonly OutgoingNotification[],
  more: boolean,
): WatchResponse {
  const value = create(RevisionNotificationsSchema)
  value.revision = BigInt(revision)
  if (commitTime !== undefined) value.commitTime = commitTime
  value.notifications = part.map(({ message }) => message)
  value.more = more
  const response = create(WatchResponseSchema)
  response.event = { case: 'notifications', value }
  return response
}
