import { fromBinary, fromJsonString } from '@bufbuild/protobuf'
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import { DeliverySchema, registrationAckSubject, registrationSubject, type Delivery } from '@qcore/contracts'

/** Beyond this a message is given back: its caller does not read. */
const mostQueuedBytes = 4_194_304

/** One instance of a service: the messages that NATS gives it, until its caller takes them. */
export class InstanceQueue implements Disposable {
  readonly #ackPrefix: string
  readonly #subscription: Subscription
  #messages: Msg[] = []
  #bytes = 0
  #isOver = false
  #changed = Promise.withResolvers<void>()

  constructor(
    connection: NatsConnection,
    { store, token, service }: { store: string; token: string; service: string },
  ) {
    this.#ackPrefix = registrationAckSubject(store, token, '')
    this.#subscription = connection.subscribe(registrationSubject(store, token), {
      queue: service,
      callback: (error, message) => {
        if (error === null) this.#push(message)
      },
    })
  }

  /** The next message; undefined when it is over. */
  async take(): Promise<Delivery | undefined> {
    for (;;) {
      if (this.#isOver) return undefined
      const message = this.#messages.shift()
      if (message === undefined) {
        await this.#changed.promise
        continue
      }
      this.#bytes -= message.data.length
      const delivery = deliveryIn(message)
      if (message.reply !== undefined) delivery.ackId = message.reply.slice(this.#ackPrefix.length)
      return delivery
    }
  }

  /** Takes no more. What was not taken goes to others. */
  end(): void {
    this.#isOver = true
    for (const message of this.#messages.splice(0)) message.respond('-NAK')
    this.#tell()
  }

  [Symbol.dispose](): void {
    this.end()
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe()
  }

  #push(message: Msg): void {
    if (this.#isOver || (this.#messages.length > 0 && this.#bytes + message.data.length > mostQueuedBytes)) {
      message.respond('-NAK')
      return
    }
    this.#messages.push(message)
    this.#bytes += message.data.length
    this.#tell()
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

function deliveryIn(message: Msg): Delivery {
  const isJson = message.headers?.get('Content-Type') === 'application/json'
  return isJson ? fromJsonString(DeliverySchema, message.string()) : fromBinary(DeliverySchema, message.data)
}
