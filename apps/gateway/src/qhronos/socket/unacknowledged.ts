import type { HookDelivery } from './hooks.ts'

/** Well above what schedulers wait for at a time, at one connection. */
const mostDeliveries = 4_096

/** What a connection was given and has not acknowledged, the oldest first. */
export class Unacknowledged implements Disposable {
  readonly #deliveries = new Map<string, HookDelivery>()

  get size(): number {
    return this.#deliveries.size
  }

  /** Remembers a delivery, and forgets those that nobody waits for any more. Of too many the oldest are given up. */
  add(delivery: HookDelivery): void {
    const nowMs = performance.now()
    const { occurrence_id: occurrenceId } = delivery.frame
    this.#deliveries.delete(occurrenceId)
    for (const [oldest, { untilMs, answer }] of this.#deliveries) {
      const isAwaited = untilMs > nowMs
      if (isAwaited && this.#deliveries.size < mostDeliveries) break
      this.#deliveries.delete(oldest)
      if (isAwaited) answer('closed')
    }
    this.#deliveries.set(occurrenceId, delivery)
  }

  /** One that is not there is passed over, as in the original. */
  acknowledge(occurrenceId: string): void {
    this.#deliveries.get(occurrenceId)?.answer('acknowledged')
    this.#deliveries.delete(occurrenceId)
  }

  /** Gives all up. */
  [Symbol.dispose](): void {
    for (const { answer } of this.#deliveries.values()) answer('closed')
    this.#deliveries.clear()
  }
}
