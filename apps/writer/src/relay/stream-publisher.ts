import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import type { WireHeaders } from '@qcore/transport'

/** What JetStream says of a message. */
interface Acknowledgement {
  readonly error?: { readonly code: number; readonly description: string }
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly dueMs: number
}

/** The header of a message that must become the next one of the stream after a sequence. */
export function nextAfter(lastSequence: number): [name: string, value: string] {
  return ['Nats-Expected-Last-Sequence', `${lastSequence}`]
}

/**
 * Publishes messages to a stream and matches the acknowledgements. Does what the JetStream client does, with one
 * subscription and one timer for all messages instead of a request for each.
 */
export class StreamPublisher implements Disposable {
  readonly #connection: NatsConnection
  readonly #timeoutMs: number
  readonly #inbox = createInbox()
  readonly #subscription: Subscription
  readonly #waiting = new Map<string, Waiting>()
  #token = 0
  #timer: NodeJS.Timeout | undefined

  constructor(connection: NatsConnection, timeoutMs: number) {
    this.#connection = connection
    this.#timeoutMs = timeoutMs
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, { callback: (_, message) => this.#onAnswer(message) })
  }

  /** Publishes a message with the header of `nextAfter`. Rejects if it does not become that one, or nobody says. */
  publish(subject: string, bytes: Uint8Array, headers: WireHeaders): Promise<void> {
    const token = `${this.#token++}`
    const reply = `${this.#inbox}.${token}`
    try {
      this.#connection.publish(subject, bytes, { headers: headers.forNats(), reply })
    } catch (error) {
      return Promise.reject(
        new Error(`NATS does not take a message of ${bytes.length} bytes for ${subject}`, { cause: error }),
      )
    }
    this.#timer ??= setTimeout(() => this.#expire(), this.#timeoutMs)
    return new Promise<void>((resolve, reject) => {
      this.#waiting.set(token, { resolve, reject, dueMs: performance.now() + this.#timeoutMs })
    })
  }

  /**
   * The same, if another message follows that is acknowledged: that one cannot be the next after it unless this one is. Throws
   * if NATS does not take it.
   */
  publishAhead(subject: string, bytes: Uint8Array, headers: WireHeaders): void {
    this.#connection.publish(subject, bytes, { headers: headers.forNats() })
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#subscription.unsubscribe()
    for (const { reject } of this.#waiting.values()) reject(new Error('the relay has ended'))
    this.#waiting.clear()
  }

  #onAnswer(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1)
    const waiting = this.#waiting.get(token)
    if (waiting === undefined) return
    this.#waiting.delete(token)
    if (message.data.length === 0) return waiting.reject(new Error('there is no stream for the message'))
    const { error } = message.json<Acknowledgement>()
    if (error !== undefined) return waiting.reject(new Error(`JetStream: ${error.description}`))
    return waiting.resolve()
  }

  #expire(): void {
    this.#timer = undefined
    const nowMs = performance.now()
    for (const [token, { reject, dueMs }] of this.#waiting) {
      if (dueMs > nowMs) {
        this.#timer = setTimeout(() => this.#expire(), dueMs - nowMs)
        return
      }
      this.#waiting.delete(token)
      reject(new Error('JetStream did not acknowledge a message in time'))
    }
  }
}
