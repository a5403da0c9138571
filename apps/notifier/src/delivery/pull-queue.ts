import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'

/** How long JetStream keeps a request for messages. */
const requestMs = 30_000
/** How often it says that it still does; who does not hear it twice asks anew. */
const signOfLifeMs = 5_000
const silenceMs = 2 * signOfLifeMs + 2_000
const ackPrefix = '$JS.ACK.'
/** The pause after JetStream has refused a request: there may be too many of others. */
const refusedMs = 250

export interface PullOptions {
  readonly connection: NatsConnection
  readonly stream: string
  readonly consumer: string
  /** A message of the consumer. Must not throw. */
  readonly onMessage: (message: Msg) => void
  /** Fewer messages are asked for than were: ask again. */
  readonly onExpired: () => void
  /** The consumer is gone, or nobody answers. Nothing comes any more. Called once. */
  readonly onLost: (reason: string) => void
}

/** Asks a durable consumer for messages, as many as there is room for. */
export class PullQueue implements Disposable {
  readonly #options: PullOptions
  readonly #inbox = createInbox()
  readonly #subscription: Subscription
  readonly #watch: NodeJS.Timeout
  #requested = 0
  #requests = 0
  #heardAt = performance.now()
  #isOver = false
  #refused: NodeJS.Timeout | undefined

  constructor(options: PullOptions) {
    this.#options = options
    this.#subscription = options.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#onMessage(message)
      },
    })
    this.#watch = setInterval(() => this.#listen(), signOfLifeMs)
  }

  /** How many messages were asked for and have not come. */
  get requested(): number {
    return this.#requested
  }

  request(batch: number): void {
    const { connection, stream, consumer } = this.#options
    if (this.#isOver || connection.isClosed() || connection.isDraining()) return
    if (this.#requested === 0) this.#heardAt = performance.now()
    this.#requested += batch
    this.#requests += 1
    const request = { batch, expires: requestMs * 1_000_000, idle_heartbeat: signOfLifeMs * 1_000_000 }
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), {
      reply: `${this.#inbox}.${this.#requests}`,
    })
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    clearInterval(this.#watch)
    clearTimeout(this.#refused)
    if (!this.#options.connection.isClosed() && !this.#subscription.isClosed()) this.#subscription.unsubscribe()
  }

  #onMessage(message: Msg): void {
    if (this.#isOver) return
    this.#heardAt = performance.now()
    // Only messages of the stream are to be answered. Their headers are not looked at here: that costs something.
    if (message.reply?.startsWith(ackPrefix) === true) {
      this.#requested = Math.max(0, this.#requested - 1)
      this.#options.onMessage(message)
      return
    }
    const code = message.headers?.code ?? 0
    if (code !== 100) this.#onStatus(code, message)
  }

  #onStatus(code: number, message: Msg): void {
    const description = message.headers?.description ?? ''
    // The consumer or the stream is gone, or nobody knows of JetStream.
    if (code === 503 || (code === 409 && /deleted|shutdown|leadership/i.test(description))) {
      this.#lose(`${code} ${description}`)
      return
    }
    const left = Number(message.headers?.get('Nats-Pending-Messages') ?? '')
    this.#requested = left > 0 ? Math.max(0, this.#requested - left) : 0
    if (code === 408) this.#options.onExpired()
    else this.#refused ??= setTimeout(() => this.#askAgain(), refusedMs)
  }

  #askAgain(): void {
    this.#refused = undefined
    this.#options.onExpired()
  }

  #listen(): void {
    if (this.#requested > 0 && performance.now() - this.#heardAt > silenceMs) this.#lose('JetStream is silent')
  }

  #lose(reason: string): void {
    if (this.#isOver) return
    this[Symbol.dispose]()
    this.#options.onLost(reason)
  }
}
