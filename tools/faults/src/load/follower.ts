import type { SubscriberRecord } from '../history/recording.ts'

/** Somebody who is told of writes, and remembers what he was told. */
export interface Follower extends AsyncDisposable {
  /** Waits until he was told of everything up to a revision, or the signal. Then he stays where he is. */
  catchUp(revision: number, signal: AbortSignal): Promise<void>
  record(): SubscriberRecord
}

/** How often somebody is looked at who is to catch up. */
export const catchUpPollMs = 50
