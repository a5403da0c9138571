import type { QError } from '@qcore/errors'
import type { ResumePoint, Subscriber } from './subscriber.ts'
import type { WatchStream } from './watch-stream.ts'

/** A live subscription. */
export class Subscription implements AsyncDisposable {
  readonly #subscriber: Subscriber
  readonly #stream: WatchStream
  readonly #waitsAfter: () => number | undefined
  /** The revision that it was live at: everything after it is notified. */
  readonly liveRevision: number

  /** @param waitsAfter the revision before the first of what was delivered, and not taken; undefined if all was */
  constructor(subscriber: Subscriber, stream: WatchStream, waitsAfter: () => number | undefined = () => undefined) {
    this.#subscriber = subscriber
    this.#waitsAfter = waitsAfter
    this.#stream = stream
    this.liveRevision = stream.revision
  }

  /**
   * Up to here everything was delivered; another process can go on from it with `resumeAfter`. It stays where it was when the
   * subscription ended: within a callback, before the revision that the callback was given; of one that is iterated over, before
   * the revision of the next notification that waits.
   */
  get position(): Required<ResumePoint> {
    const position = this.#stream.positionOf(this.#subscriber)
    return { ...position, revision: this.#waitsAfter() ?? position.revision }
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
