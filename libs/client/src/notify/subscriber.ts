import { create } from '@bufbuild/protobuf'
import { QuerySelectionSchema, SubscriptionSchema, type Subscription as SubscriptionMessage } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { canceled } from '../calls/backoff.ts'
import type { AnyNotification, Notification } from './notification.ts'

/** Where to go on: the last revision that was handled, and the history that it belongs to. */
export interface ResumePoint {
  readonly revision: number
  /** As a subscription told it; left out, it is not checked. */
  readonly logId?: string
}

/** Takes a notification. The next one waits for the promise it returns. An error ends the subscription. */
export type NotificationCallback<Item = Notification> = (notification: Item) => void | Promise<void>

export interface NotifyOptions {
  /** Ends the subscription. */
  signal?: AbortSignal
  /** How long it may take until the subscription is live, in milliseconds; default 10,000, or what `connect` was told. */
  timeoutMs?: number
  /** Notify of everything after a revision, instead of from now on. */
  resumeAfter?: ResumePoint
  /**
   * What becomes of what is not taken in time. `lossless`, the default: it waits, each change by itself. `latest`: changes of
   * a field become one notification, `folded`; so who is slow is told of the present, not of everything on the way there.
   */
  backPressure?: 'lossless' | 'latest'
  /** Latest: the least time between two, in milliseconds, up to 60,000; default 0. What happens meanwhile is folded. */
  minIntervalMs?: number
  /**
   * Everything up to this revision was delivered: to a callback, or to wait for whoever iterates. Called also when nothing
   * concerned the subscription.
   */
  onProgress?: (revision: number) => void
  /** The stream broke; it is resumed by itself, without gap or repeat. */
  onInterruption?: (error: QError) => void
}

type State = 'starting' | 'live' | 'ended'

/** One subscription of a shared stream, and whoever asked for it. */
export class Subscriber {
  message: SubscriptionMessage
  readonly callback: NotificationCallback<AnyNotification>
  readonly options: NotifyOptions
  /** Fulfilled when it is live. */
  readonly live: Promise<void>
  /** Fulfilled when it was ended; rejected when it cannot go on. */
  readonly closed: Promise<void>
  #state: State = 'starting'
  #cancellation: QError | undefined
  readonly #live = Promise.withResolvers<void>()
  readonly #closed = Promise.withResolvers<void>()
  readonly #onLeave: () => void
  #leave: (() => void) | undefined
  readonly #waitsForResult: boolean

  /** @param waitsForResult one to a query is live when its first result was taken, not before */
  constructor(
    message: SubscriptionMessage,
    callback: NotificationCallback<AnyNotification>,
    options: NotifyOptions,
    waitsForResult: boolean,
  ) {
    this.message = message
    this.#waitsForResult = waitsForResult
    this.callback = callback
    this.options = options
    this.live = this.#live.promise
    // It may fail before anyone could wait for it; who subscribes does.
    this.live.catch(() => undefined)
    this.closed = this.#closed.promise
    this.#onLeave = () => this.fail(canceled(options.signal ?? AbortSignal.abort()))
    options.signal?.addEventListener('abort', this.#onLeave, { once: true })
    if (options.signal?.aborted === true) this.#onLeave()
  }

  /** Set when the subscription's signal, or the closing of the client, ended it. */
  get cancellation(): QError | undefined {
    return this.#cancellation
  }

  /** Whether the result of a query is still to come. */
  get awaitsResult(): boolean {
    const { target } = this.message
    return target.case === 'query' && target.value.initial
  }

  /** The result of its query was taken: it does not have to come again. */
  hasResult(): void {
    const { target } = this.message
    if (target.case !== 'query' || !target.value.initial) return
    const value = create(QuerySelectionSchema, { ...target.value, initial: false })
    this.message = create(SubscriptionSchema, { ...this.message, target: { case: 'query', value } })
    this.becomeLive()
  }

  /** Whether it is not live yet. */
  get isStarting(): boolean {
    return this.#state === 'starting'
  }

  get isOpen(): boolean {
    return this.#state !== 'ended'
  }

  /** What to do when the subscription has ended. */
  onLeave(action: () => void): void {
    this.#leave = action
  }

  becomeLive(): void {
    if (this.#state !== 'starting' || (this.#waitsForResult && this.awaitsResult)) return
    this.#state = 'live'
    this.#live.resolve()
  }

  /** Ends it as its owner wishes. */
  end(): void {
    if (this.#finish() === 'starting') this.#live.reject(new QError('canceled', 'the subscription was ended'))
    this.#closed.resolve()
  }

  /** Ends it with an error. One that its own signal or the closing of the client brought about is no failure. */
  fail(error: unknown): void {
    const before = this.#finish()
    if (before === 'starting') this.#live.reject(error)
    else if (before === 'live') {
      if (isQError(error, 'canceled')) {
        this.#cancellation = error
        this.#closed.resolve()
      } else this.#closed.reject(error)
    }
  }

  #finish(): State {
    const before = this.#state
    this.#state = 'ended'
    this.options.signal?.removeEventListener('abort', this.#onLeave)
    if (before !== 'ended') this.#leave?.()
    return before
  }
}
