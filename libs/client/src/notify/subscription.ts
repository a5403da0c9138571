import type { QError } from '@qcore/errors'
import type { ResumePoint, Subscriber } from './subscriber.ts'
import type { WatchStream } from './watch-stream.ts'

/** A live subscription. */
export class Subscription implements AsyncDisposable {
  readonly #subscriber: Subscriber
  readonly #stream: WatchStream
  /** The revision that it was live at: everything after it is notified. */
  readonly liveRevision: number

  constructor(subscriber: Subscriber, stream: WatchStream) {
    this.#subscriber = subscriber
    this.#stream = stream
    this.liveRevision = stream.revision
  }

  /**
   * Up to here everything was delivered; another process can go on from it with `resumeAfter`. It stays where it was when the
   * subscription ended: within a callback, before the revision that the callback was given.
   */
  get position(): Required<ResumePoint> {
    return this.#stream.positionOf(this.#subscriber)
  }

  /**
   * Fulfilled when the subscription was ended, also by its signal or by closing the client. Rejected when it cannot go on: with a QError (`compacted`,
   * `log_replaced`, `token_expired`, …), or with what the callback threw.
   */
  get closed(): Promise<void> {
    return this.#subscriber.closed
  }

  /** Set when its signal, or the closing of the client, ended it. */
  get cancellation(): QError | undefined {
    return this.#subscriber.cancellation
  }

  /** Ends it: the callback is not called again. */
  async unsubscribe(): Promise<void> {
    this.#subscriber.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unsubscribe()
  }
}
