import type { NatsConnection } from '@nats-io/transport-node'
import { followNats } from '@qcore/service'

/** Whether NATS is there. Without it nobody can reach a writer, however well it reaches PostgreSQL. */
export class NatsPresence implements Disposable {
  readonly #statuses: Disposable
  readonly #waits = new Set<AbsenceWait>()
  #isThere = true

  constructor(connection: NatsConnection) {
    this.#statuses = followNats(connection, (type) => this.#onStatus(type))
  }

  get isThere(): boolean {
    return this.#isThere
  }

  /** Calls back when NATS has been away for a time without a break. Disposing takes it back. */
  onAbsence(afterMs: number, callback: () => void): Disposable {
    const wait: AbsenceWait = { afterMs, callback, timer: undefined }
    this.#waits.add(wait)
    if (!this.#isThere) begin(wait)
    return {
      [Symbol.dispose]: () => {
        this.#waits.delete(wait)
        clearTimeout(wait.timer)
      },
    }
  }

  [Symbol.dispose](): void {
    this.#statuses[Symbol.dispose]()
    for (const { timer } of this.#waits) clearTimeout(timer)
    this.#waits.clear()
  }

  #onStatus(type: string): void {
    if (type === 'disconnect' && this.#isThere) {
      this.#isThere = false
      for (const wait of this.#waits) begin(wait)
    } else if (type === 'reconnect') {
      this.#isThere = true
      for (const { timer } of this.#waits) clearTimeout(timer)
    }
  }
}

interface AbsenceWait {
  readonly afterMs: number
  readonly callback: () => void
  timer: NodeJS.Timeout | undefined
}

function begin(wait: AbsenceWait): void {
  wait.timer = setTimeout(wait.callback, wait.afterMs)
}
