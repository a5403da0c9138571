import { nuid, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import { registrationAckSubject } from '@qcore/contracts'

/** What a subscriber says to a message. */
export type Reply = 'taken' | 'refused' | 'in progress' | 'nobody'

/** Where replies to the messages of shared registrations come in. */
export class AckInbox implements Disposable {
  /** Nobody guesses it. */
  readonly #id = nuid.next()
  readonly #store: string
  readonly #connection: NatsConnection
  readonly #subscription: Subscription
  readonly #waiting = new Map<string, (reply: Reply) => void>()
  #last = 0

  constructor(connection: NatsConnection, store: string) {
    this.#connection = connection
    this.#store = store
    this.#subscription = connection.subscribe(registrationAckSubject(store, '*', `${this.#id}.*`), {
      callback: (error, message) => {
        if (error === null) this.#waiting.get(message.subject)?.(replyOf(message))
      },
    })
  }

  /** A subject to reply to for a message of a registration. */
  open(token: string, onReply: (reply: Reply) => void): string {
    this.#last += 1
    const subject = registrationAckSubject(this.#store, token, `${this.#id}.${this.#last}`)
    this.#waiting.set(subject, onReply)
    return subject
  }

  close(subject: string): void {
    this.#waiting.delete(subject)
  }

  [Symbol.dispose](): void {
    this.#waiting.clear()
    if (!this.#connection.isClosed()) this.#subscription.unsubscribe()
  }
}

function replyOf(message: Msg): Reply {
  if (message.headers?.code === 503) return 'nobody'
  switch (message.string()) {
    case '-NAK':
      return 'refused'
    case '+WPI':
      return 'in progress'
    default:
      return 'taken'
  }
}
