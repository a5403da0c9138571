import type { Notification } from './notification.ts'
import type { Subscription } from './subscription.ts'

interface Waiting<Item> {
  readonly notification: Item
  /** Up to where everything was taken by then: what comes after it has not been, with this one. */
  readonly after: number
}

/**
 * Notifications to iterate over; leaving the loop unsubscribes. What ends the subscription is thrown, `canceled` included.
 */
export class NotificationStream<Item = Notification>
  implements AsyncIterableIterator<Item, undefined>, AsyncDisposable
{
  readonly #mostWaiting: number
  readonly #buffer: Waiting<Item>[] = []
  #leftAfter: number | undefined
  #subscription: Subscription | undefined
  #reader: PromiseWithResolvers<IteratorResult<Item, undefined>> | undefined
  #room: PromiseWithResolvers<void> | undefined
  #end: { error?: unknown } | undefined

  /** @param mostWaiting how many wait for the one who iterates before the store is held up */
  constructor(mostWaiting: number) {
    this.#mostWaiting = mostWaiting
  }

  /** The subscription that the notifications come from. */
  get subscription(): Subscription {
    if (this.#subscription === undefined) throw new Error('the stream is not live')
    return this.#subscription
  }

  /** The revision before that of the oldest notification that nobody has taken; undefined if none waits, or was left. */
  get waitsAfter(): number | undefined {
    return this.#leftAfter ?? this.#buffer[0]?.after
  }

  /** Takes the notifications of a subscription from now on. */
  follow(subscription: Subscription): this {
    this.#subscription = subscription
    subscription.closed.then(
      () => this.#finish(subscription.cancellation === undefined ? {} : { error: subscription.cancellation }),
      (error: unknown) => this.#finish({ error }),
    )
    return this
  }

  /**
   * Takes a notification; waits if too many wait already.
   *
   * @param after the revision before its own
   */
  push(notification: Item, after: number): void | Promise<void> {
    if (this.#end !== undefined) return
    if (this.#reader !== undefined) {
      this.#reader.resolve({ done: false, value: notification })
      this.#reader = undefined
      return
    }
    this.#buffer.push({ notification, after })
    if (this.#buffer.length < this.#mostWaiting) return
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    const waiting = this.#buffer.shift()
    if (waiting !== undefined) {
      if (this.#buffer.length < this.#mostWaiting / 2) this.#makeRoom()
      return Promise.resolve({ done: false, value: waiting.notification })
    }
    if (this.#end !== undefined) return this.#ended(this.#end)
    this.#reader ??= Promise.withResolvers()
    return this.#reader.promise
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#leftAfter = this.waitsAfter
    this.#buffer.length = 0
    this.#finish({})
    await this.#subscription?.unsubscribe()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** An error is thrown once; after it the stream is at its end. */
  #ended(end: { error?: unknown }): Promise<IteratorResult<Item, undefined>> {
    this.#end = {}
    const result = Promise.withResolvers<IteratorResult<Item, undefined>>()
    if ('error' in end) result.reject(end.error)
    else result.resolve({ done: true, value: undefined })
    return result.promise
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#makeRoom()
    const reader = this.#reader
    this.#reader = undefined
    if (reader !== undefined) this.#ended(end).then(reader.resolve, reader.reject)
  }

  #makeRoom(): void {
    this.#room?.resolve()
    this.#room = undefined
  }
}
