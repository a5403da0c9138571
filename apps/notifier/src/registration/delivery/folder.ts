import { create, toBinary } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import {
  FoldedNotificationSchema,
  FoldedNotificationsSchema,
  Membership,
  NotificationSchema,
  RevisionNotificationsSchema,
  type FoldedNotification,
  type Notification,
  type RevisionNotifications,
} from '@qcore/contracts'
import { mostResponseBytes } from '../../stream/watch-responses.ts'
import type { DeliveryStep } from './delivery-step.ts'

/** Beyond this nothing is added: what comes next waits in the log. */
const mostFoldedBytes = 1_048_576

interface Folded {
  readonly folded: FoldedNotification
  bytes: number
}

/** Folds what happens while it cannot be sent: of each field the first previous and the last current value stay. */
export class Folder {
  /** By field and subscriptions, in the order of the last changes. */
  #entries = new Map<string, Folded>()
  #bytes = 0
  /** Parts of a revision that is not complete. */
  #held: Notification[] = []
  #firstRevision = 0
  #lastRevision = 0
  #commitTime: Timestamp | undefined
  #unfoldable = 0
  /** All up to here is folded in. */
  #reached: number
  #emitted: number
  /** The results that a watch begins with came, and are told also when there are none. */
  #hasResult = false

  /** @param revision after which it begins */
  constructor(revision: number) {
    this.#reached = revision
    this.#emitted = revision
  }

  get isEmpty(): boolean {
    return this.#reached === this.#emitted && !this.#hasResult
  }

  get isFull(): boolean {
    return this.#bytes >= mostFoldedBytes
  }

  progress(revision: number): void {
    this.#reached = Math.max(this.#reached, revision)
  }

  add({ revision: written, commitTime, notifications, more }: RevisionNotifications): void {
    this.#held.push(...notifications)
    if (more) return
    const revision = Number(written)
    this.#hasResult ||= revision === this.#emitted
    if (this.#entries.size === 0) this.#firstRevision = revision
    for (const notification of this.#held.splice(0)) this.#fold(notification, revision)
    this.#lastRevision = revision
    this.#commitTime = commitTime
    this.#reached = revision
  }

  /** What to send for all that was added. */
  take(): DeliveryStep[] {
    const entries = [...this.#entries.values()]
    const range = { previousRevision: this.#emitted, revision: this.#reached }
    this.#emitted = this.#reached
    this.#entries = new Map()
    this.#bytes = 0
    const hasResult = this.#hasResult
    this.#hasResult = false
    if (entries.length === 0 && hasResult) {
      return [{ ...range, part: 0, isLastPart: true, event: this.#event([], false) }]
    }
    if (entries.length === 0) {
      const progress = { $typeName: 'qcore.store.v1.WatchProgress' as const, revision: BigInt(range.revision) }
      return [{ ...range, part: 0, isLastPart: true, event: { case: 'progress', value: progress } }]
    }
    const parts = splitBySize(entries)
    return parts.map((part, index) => {
      const isLastPart = index === parts.length - 1
      return { ...range, part: index, isLastPart, event: this.#event(part, !isLastPart) }
    })
  }

  #fold(notification: Notification, revision: number): void {
    const key = this.#keyOf(notification)
    const before = this.#entries.get(key)
    const bytes = toBinary(NotificationSchema, notification).length
    if (before === undefined) {
      const at = BigInt(revision)
      const folded = create(FoldedNotificationSchema, { firstRevision: at, lastRevision: at, changes: 1 })
      folded.notification = notification
      this.#entries.set(key, { folded, bytes })
      this.#bytes += bytes
      return
    }
    const { folded } = before
    // Streams share notifications: what was there before must not change.
    const merged = { ...notification }
    const { previous, membership } = folded.notification ?? notification
    if (notification.membership === Membership.ENTERED || previous === undefined) delete merged.previous
    else merged.previous = previous
    // What has come in and was written since has come in.
    if (notification.membership === Membership.UNSPECIFIED) merged.membership = membership
    folded.notification = merged
    folded.lastRevision = BigInt(revision)
    folded.changes += 1
    this.#bytes += bytes - before.bytes
    before.bytes = bytes
    this.#entries.delete(key)
    this.#entries.set(key, before)
  }

  #keyOf({ current, subscriptions, event }: Notification): string {
    // What is not about a field tells of one event, and stays.
    if (current === undefined || event.case !== undefined) return `${(this.#unfoldable += 1)}`
    return `${current.entityId} ${current.name} ${subscriptions.join(',')}`
  }

  #event(part: readonly Folded[], more: boolean): DeliveryStep['event'] {
    const timed = this.#commitTime === undefined ? {} : { commitTime: this.#commitTime }
    if (this.#firstRevision === this.#lastRevision) {
      const value = create(RevisionNotificationsSchema, { revision: BigInt(this.#lastRevision), more, ...timed })
      value.notifications = part.flatMap(({ folded }) => folded.notification ?? [])
      return { case: 'notifications', value }
    }
    const value = create(FoldedNotificationsSchema, {
      firstRevision: BigInt(this.#firstRevision),
      lastRevision: BigInt(this.#lastRevision),
      more,
      ...timed,
    })
    value.notifications = part.map(({ folded }) => folded)
    return { case: 'folded', value }
  }
}

function splitBySize(entries: readonly Folded[]): Folded[][] {
  const parts: Folded[][] = []
  let partBytes = Infinity
  for (const entry of entries) {
    if (partBytes + entry.bytes > mostResponseBytes) {
      parts.push([])
      partBytes = 0
    }
    parts.at(-1)?.push(entry)
    partBytes += entry.bytes + 32
  }
  return parts
}
