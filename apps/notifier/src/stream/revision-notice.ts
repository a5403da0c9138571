import type { Timestamp } from '@bufbuild/protobuf/wkt'
import type { OutgoingNotification } from '../notify/outgoing-notification.ts'

/** The commit that a notice is of. */
export interface NoticedCommit {
  readonly revision: number
  /** Undefined: the notice tells what there is, not what was changed. */
  readonly commitTime?: Timestamp | undefined
}

/** What one revision means for one stream. */
export class RevisionNotice {
  readonly revision: number
  readonly commitTime: Timestamp | undefined
  /** Complete when `ready` has settled. */
  notifications: readonly OutgoingNotification[] = []
  /** Settles when all is there; undefined if it is. */
  readonly ready: Promise<unknown> | undefined

  constructor(
    commit: NoticedCommit,
    notifications: readonly OutgoingNotification[] | Promise<readonly OutgoingNotification[]>,
  ) {
    this.revision = commit.revision
    this.commitTime = commit.commitTime
    this.ready =
      notifications instanceof Promise ? notifications.then((late) => this.#take(late)) : this.#take(notifications)
    // A stream that has ended, or has the revision, does not wait for it.
    this.ready?.catch(() => undefined)
  }

  /** The bytes that it takes in messages, rounded up. What is missing does not count yet. */
  get bytes(): number {
    return this.notifications.reduce((sum, { bytes }) => sum + bytes, 64)
  }

  #take(notifications: readonly OutgoingNotification[]): Promise<unknown> | undefined {
    this.notifications = notifications
    const pending = notifications.flatMap(({ ready }) => (ready === undefined ? [] : [ready]))
    if (pending.length === 0) return undefined
    return Promise.all(pending).then(() => {
      this.notifications = notifications.filter(({ isWanted }) => isWanted)
    })
  }
}
