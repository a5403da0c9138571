import { webSocketUnsentBytes } from '../metrics.ts'

/** What holds bytes for a client that has not taken them yet. */
export interface BudgetedClient {
  /** Lets go of what waits. */
  overrun(): void
}

/** The bytes that may wait for all clients together. When there are more, the client with the most goes. */
export class SendBudget {
  readonly #mostBytes: number
  readonly #clients = new Map<BudgetedClient, number>()
  readonly #gone = new WeakSet<BudgetedClient>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** So many bytes wait for a client now. One that had to go is not counted any more. */
  hold(client: BudgetedClient, bytes: number): void {
    if (this.#gone.has(client)) return
    this.#count(client, bytes)
    const slowest = this.#bytes > this.#mostBytes ? this.#slowest() : undefined
    if (slowest === undefined) return
    this.#count(slowest, 0)
    this.#gone.add(slowest)
    slowest.overrun()
  }

  #count(client: BudgetedClient, bytes: number): void {
    this.#bytes += bytes - (this.#clients.get(client) ?? 0)
    webSocketUnsentBytes.set(this.#bytes)
    if (bytes === 0) this.#clients.delete(client)
    else this.#clients.set(client, bytes)
  }

  #slowest(): BudgetedClient | undefined {
    let slowest: BudgetedClient | undefined
    let most = 0
    for (const [client, bytes] of this.#clients) {
      if (bytes <= most) continue
      slowest = client
      most = bytes
    }
    return slowest
  }
}
