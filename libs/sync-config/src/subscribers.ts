import type { ConfigChange } from './config-change.ts'

/** Gets a change; what it returns is waited for before it gets the next. */
export type ChangeCallback = (key: string, value: ConfigChange['value'], change: ConfigChange) => void | Promise<void>

/** Of more changes than these the newest of each key wait for a callback, with what was there before the oldest. */
const queueLength = 10_000

interface Subscriber {
  readonly callback: ChangeCallback
  readonly prefix: string
  /** In order; those of one key may have been joined. */
  queue: ConfigChange[]
  /** How long it may become before it is joined the next time. */
  mostQueued: number
  isRunning: boolean
}

/** Callbacks, each with a queue of its own: in order, one at a time, none disturbed by the others. */
export class Subscribers {
  readonly #subscribers = new Map<string, Subscriber>()
  readonly #onError: (error: unknown, change: ConfigChange) => void
  #lastId = 0

  constructor(onError: (error: unknown, change: ConfigChange) => void) {
    this.#onError = onError
  }

  /** @param prefix of the keys whose changes it gets */
  add(callback: ChangeCallback, prefix: string): string {
    const id = `subscription-${++this.#lastId}`
    this.#subscribers.set(id, { callback, prefix, queue: [], mostQueued: queueLength, isRunning: false })
    return id
  }

  /** Takes back what was not begun, too. No effect if the id is unknown. */
  remove(id: string): void {
    const subscriber = this.#subscribers.get(id)
    if (subscriber !== undefined) subscriber.queue = []
    this.#subscribers.delete(id)
  }

  clear(): void {
    for (const id of this.#subscribers.keys()) this.remove(id)
  }

  publish(changes: readonly ConfigChange[]): void {
    for (const subscriber of this.#subscribers.values()) {
      for (const change of changes) if (change.key.startsWith(subscriber.prefix)) subscriber.queue.push(change)
      if (subscriber.queue.length > subscriber.mostQueued) {
        subscriber.queue = joinByKey(subscriber.queue)
        subscriber.mostQueued = Math.max(queueLength, 2 * subscriber.queue.length)
      }
      if (subscriber.queue.length > 0 && !subscriber.isRunning) void this.#run(subscriber)
    }
  }

  async #run(subscriber: Subscriber): Promise<void> {
    subscriber.isRunning = true
    // Not on the stack of whoever made the change.
    await Promise.resolve()
    for (let change = subscriber.queue.shift(); change !== undefined; change = subscriber.queue.shift()) {
      try {
        await subscriber.callback(change.key, change.value, change)
      } catch (error) {
        this.#onError(error, change)
      }
    }
    subscriber.isRunning = false
  }
}

function joinByKey(changes: readonly ConfigChange[]): ConfigChange[] {
  const newest = new Map<string, ConfigChange>()
  for (const change of changes) {
    const earlier = newest.get(change.key)
    newest.delete(change.key)
    newest.set(change.key, earlier === undefined ? change : Object.freeze({ ...change, previous: earlier.previous }))
  }
  return [...newest.values()]
}
