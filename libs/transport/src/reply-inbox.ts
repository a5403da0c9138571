import { createInbox, type Msg, type NatsConnection, type PublishOptions } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { ConnectionMonitor } from './connection-monitor.ts'
import { tryPublish } from './try-publish.ts'

/** Whoever waits for answers. */
export interface ReplyReceiver {
  onMessage(message: Msg): void
  /** The connection was lost or closed: what was sent meanwhile will not come. */
  onConnectionLost(reason: string): void
}

/**
 * The one subscription of a connection that all answers come through. Like the NATS client's own, without its stack
 * trace, timer and promises for each request, and usable for streams.
 */
export class ReplyInbox {
  static readonly #inboxes = new WeakMap<NatsConnection, ReplyInbox>()

  readonly #connection: NatsConnection
  readonly #monitor: ConnectionMonitor
  readonly #prefix: string
  readonly #receivers = new Map<string, ReplyReceiver>()
  #lastId = 0

  /** The inbox of a connection; it lives as long. Throws `unavailable` if the connection is closed or draining. */
  static of(connection: NatsConnection): ReplyInbox {
    const inbox = this.#inboxes.get(connection)
    if (inbox !== undefined) return inbox
    assertOpen(connection)
    const created = new ReplyInbox(connection)
    this.#inboxes.set(connection, created)
    return created
  }

  private constructor(connection: NatsConnection) {
    this.#connection = connection
    this.#monitor = ConnectionMonitor.of(connection)
    const stopWatching = this.#monitor.onLost((reason) => this.#fail(reason))
    this.#prefix = `${createInbox(inboxPrefix(connection))}.`
    const subscription = connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => {
        if (error === null) this.#dispatch(message)
        else this.#fail(`answers cannot be received: ${error.message}`)
      },
    })
    void subscription.closed.then(() => {
      stopWatching()
      ReplyInbox.#inboxes.delete(connection)
      this.#fail('the connection to NATS was closed')
    })
  }

  /** Registers a receiver and returns the subject to answer to. Throws `unavailable`: nothing was sent. */
  open(receiver: ReplyReceiver): string {
    assertOpen(this.#connection)
    if (!this.#monitor.isConnected) throw new QError('unavailable', 'not connected to NATS; nothing was sent')
    this.#lastId += 1
    const token = this.#lastId.toString(36)
    this.#receivers.set(token, receiver)
    return this.#prefix + token
  }

  /** Sends a request that is answered to a subject of this inbox. Throws `unavailable`, and forgets the subject. */
  request(subject: string, body: Uint8Array, options: PublishOptions & { reply: string }): void {
    try {
      this.#connection.publish(subject, body, options)
    } catch (error) {
      this.close(options.reply)
      throw new QError('unavailable', `the request to ${subject} could not be sent`, { cause: error })
    }
  }

  close(replySubject: string): void {
    this.#receivers.delete(replySubject.slice(this.#prefix.length))
  }

  #dispatch(message: Msg): void {
    const receiver = this.#receivers.get(message.subject.slice(this.#prefix.length))
    if (receiver !== undefined) receiver.onMessage(message)
    else if (message.data.length === 0 && message.reply !== undefined && message.reply !== '') {
      // The heartbeat of a stream that nobody here reads any more.
      tryPublish(this.#connection, message.reply, cancelCommand)
    }
  }

  #fail(reason: string): void {
    const receivers = [...this.#receivers.values()]
    this.#receivers.clear()
    for (const receiver of receivers) receiver.onConnectionLost(reason)
  }
}

/** What a caller sends to a stream's control subject to end it. */
export const cancelCommand = 'cancel'

function assertOpen(connection: NatsConnection): void {
  if (!connection.isClosed() && !connection.isDraining()) return
  throw new QError('unavailable', 'the connection to NATS is closed; nothing was sent')
}

/** What the inboxes of a connection begin with: a user with few permissions may have a prefix of its own. */
export function inboxPrefix(connection: NatsConnection): string | undefined {
  return (connection as { options?: { inboxPrefix?: string } }).options?.inboxPrefix
}
