import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger } from '@qcore/service'

/** Whether NATS is there. Without it nobody can reach a writer, however well it reaches PostgreSQL. */
export class NatsPresence implements AsyncDisposable {
  readonly #statuses: AsyncIterator<{ type: string }>
  readonly #followed: Promise<void>
  readonly #waits = new Set<AbsenceWait>()
  #isThere = true

  constructor(connection: NatsConnection, logger: Logger) {
    this.#statuses = connection.status()[Symbol.asyncIterator]()
    this.#followed = this.#follow().catch((error: unknown) => {
      logger.error({ err: error }, 'the state of the NATS connection is not known any more')
    })
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

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#waits) clearTimeout(timer)
    this.#waits.clear()
    await this.#statuses.return?.()
    await this.#followed
  }

  async #follow(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#statuses.next()
      if (done === true) return
      if (value.type === 'disconnect' && this.#isThere) {
        this.#isThere = false
        for (const wait of this.#waits) begin(wait)
      } else if (value.type === 'reconnect') {
        this.#isThere = true
        for (const { timer } of this.#waits) clearTimeout(timer)
      }
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
