import type { NatsConnection } from '@nats-io/transport-node'
import { dueSubject } from '@qcore/contracts'
import type { Occasion } from './action.ts'
import { occasionJson } from './occasion-json.ts'

/** Tells those who listen for tags what is due, whatever its action. Whoever is away misses it. */
export class DueNotices {
  readonly #connection: NatsConnection
  readonly #store: string

  constructor(connection: NatsConnection, store: string) {
    this.#connection = connection
    this.#store = store
  }

  /** Tells of the first attempt of an occurrence, if its schedule has tags. */
  tell(occasion: Occasion): void {
    const { namespace, tags } = occasion.settings.put
    if (occasion.attempt !== 1 || tags.length === 0 || this.#connection.isClosed()) return
    this.#connection.publish(dueSubject(this.#store, namespace), occasionJson(occasion))
  }
}
