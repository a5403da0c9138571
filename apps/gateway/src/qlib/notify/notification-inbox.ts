import type { NotificationInit } from './notification-init.ts'

/** What waits for one client at most; its subscriptions wait until it asks, and lose nothing. */
const mostNotifications = 1_000
const mostBytes = 1_048_576
/** What an answer holds at most; the next one has the rest. */
const answerBytes = 524_288

/** Bytes that the inboxes of a gateway hold together. */
export class InboxBudget {
  readonly limit: number
  used = 0

  constructor(limit: number) {
    this.limit = limit
  }
}

interface Waiting {
  readonly notification: NotificationInit
  readonly bytes: number
}

/** Notifications that wait until their client asks for them, in order. */
export class NotificationInbox implements Disposable {
  readonly #budget: InboxBudget
  #waiting: Waiting[] = []
  #bytes = 0
  #room: PromiseWithResolvers<void> | undefined
  #isClosed = false

  constructor(budget: InboxBudget) {
    this.#budget = budget
  }

  /** Adds a notification. Resolves when there is room for it, or the client is gone. */
  async push(notification: NotificationInit): Promise<void> {
    while (this.#isFull() && !this.#isClosed) {
      this.#room ??= Promise.withResolvers()
      await this.#room.promise
    }
    if (this.#isClosed) return
    const bytes = sizeOf(notification)
    this.#waiting.push({ notification, bytes })
    this.#count(bytes)
  }

  /** Takes out the oldest ones. */
  take(): NotificationInit[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.#waiting) {
      if (count > 0 && bytes + waiting.bytes > answerBytes) break
      bytes += waiting.bytes
      count += 1
    }
    const taken = this.#waiting.splice(0, count)
    this.#count(-bytes)
    this.#makeRoom()
    return taken.map(({ notification }) => notification)
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    this.#waiting = []
    this.#count(-this.#bytes)
    this.#makeRoom()
  }

  /** Where all inboxes together are full, one that is empty still takes one. */
  #isFull(): boolean {
    if (this.#waiting.length === 0) return false
    return (
      this.#waiting.length >= mostNotifications || this.#bytes >= mostBytes || this.#budget.used >= this.#budget.limit
    )
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#budget.used += bytes
  }

  #makeRoom(): void {
    this.#room?.resolve()
    this.#room = undefined
  }
}

/** About what a notification takes in memory besides its values, in bytes. */
const frameBytes = 400

function sizeOf({ current, previous, context }: NotificationInit): number {
  return [current, previous, ...context].reduce(
    (sum, field) => sum + (field.value?.value.length ?? 0) + 200,
    frameBytes,
  )
}
