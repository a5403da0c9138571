/** A queue that counts against a budget. */
export interface BudgetedQueue {
  /** Makes room: drops what waits. */
  overrun(): void
}

/** The bytes that may wait in all queues together. When there are more, the longest queue goes. */
export class QueueBudget {
  readonly #mostBytes: number
  readonly #queues = new Map<BudgetedQueue, number>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A queue holds so many bytes now. */
  hold(queue: BudgetedQueue, bytes: number): void {
    this.#bytes += bytes - (this.#queues.get(queue) ?? 0)
    if (bytes === 0) this.#queues.delete(queue)
    else this.#queues.set(queue, bytes)
    if (this.#bytes > this.#mostBytes) this.#longest()?.overrun()
  }

  #longest(): BudgetedQueue | undefined {
    let longest: BudgetedQueue | undefined
    let most = 0
    for (const [queue, bytes] of this.#queues) {
      if (bytes <= most) continue
      longest = queue
      most = bytes
    }
    return longest
  }
}
