import type { NatsConnection, QueuedIterator, Status } from '@nats-io/transport-node'
import type { BusMessage, MessageBus } from './connection.ts'

/** How long to wait until the server knows of a subscription. */
const confirmTimeoutMs = 2_000

/** The subjects of a connection to NATS. */
export class NatsBus implements MessageBus {
  readonly #connection: NatsConnection

  constructor(connection: NatsConnection) {
    this.#connection = connection
  }

  async listen(
    subject: string,
    { queue, onMessage }: { queue: string | undefined; onMessage: (message: BusMessage) => void },
  ): Promise<Disposable> {
    const subscription = this.#connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error === null) onMessage({ body: message.data, respond: (body) => void message.respond(body) })
      },
    })
    await this.#confirm()
    return {
      [Symbol.dispose]: () => {
        if (!this.#connection.isClosed()) subscription.unsubscribe()
      },
    }
  }

  /** Without an answer the subscription is known later: who listens looks for gaps. */
  async #confirm(): Promise<void> {
    const confirmed = this.#connection.flush().catch(() => undefined)
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, confirmTimeoutMs)
    // Closing leaves a flush unanswered.
    await Promise.race([confirmed, this.#connection.closed(), late.promise])
    clearTimeout(timer)
  }

  onReconnect(callback: () => void): Disposable {
    const statuses = this.#connection.status() as QueuedIterator<Status>
    const follow = async (): Promise<void> => {
      for await (const { type } of statuses) if (type === 'reconnect') callback()
    }
    void follow()
    return { [Symbol.dispose]: () => statuses.stop() }
  }
}
