import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { dueSubject } from '@qcore/contracts'
import { namespace } from '../event-action.ts'
import { dueFrame, type DueFrame } from './due-frame.ts'

/** Tells of what is due, to those who listen for tags. All of a gateway share a subscription. */
export class TagListeners implements Disposable {
  readonly #connection: NatsConnection
  readonly #store: string
  readonly #listeners = new Map<(frame: DueFrame) => void, ReadonlySet<string>>()
  #subscription: Subscription | undefined

  constructor(connection: NatsConnection, store: string) {
    this.#connection = connection
    this.#store = store
  }

  /** Tells of everything from now on that has one of the tags. Resolves when NATS knows. */
  async listen(tags: readonly string[], onFrame: (frame: DueFrame) => void): Promise<Disposable> {
    this.#listeners.set(onFrame, new Set(tags))
    using held = new DisposableStack()
    held.defer(() => void this.#listeners.delete(onFrame))
    this.#subscription ??= this.#subscribe()
    await this.#connection.flush()
    return held.move()
  }

  [Symbol.dispose](): void {
    this.#listeners.clear()
    if (!this.#connection.isClosed()) this.#subscription?.unsubscribe()
  }

  #subscribe(): Subscription {
    return this.#connection.subscribe(dueSubject(this.#store, namespace), {
      callback: (error, message) => {
        if (error === null && this.#listeners.size > 0) this.#tell(message.string())
      },
    })
  }

  #tell(text: string): void {
    const frame = dueFrame(text)
    if (frame === undefined) return
    const tags = new Set(frame.tags)
    for (const [onFrame, wanted] of this.#listeners) if (!tags.isDisjointFrom(wanted)) onFrame(frame)
  }
}
