import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { sendError } from './answer.ts'
import { toConnectError } from './connect-error.ts'
import { cancelCommand, inboxPrefix } from './reply-inbox.ts'
import type { RunningCall } from './running-call.ts'
import type { StreamLimits } from './stream-frame.ts'
import { StreamSender } from './stream-sender.ts'

interface OpenStream {
  sender: StreamSender
  call: RunningCall
}

/** The streams that a server is sending, and the subject that their callers answer to: `<prefix><id>.<frame>`. */
export class StreamTable {
  readonly controlPrefix: string
  readonly #connection: NatsConnection
  readonly #streams = new Map<string, OpenStream>()
  #lastId = 0

  constructor(connection: NatsConnection) {
    this.#connection = connection
    this.controlPrefix = `${createInbox(inboxPrefix(connection))}.`
  }

  /** Opens a stream; it leaves the table by `close`. */
  open(call: RunningCall, limits: StreamLimits): { id: string; sender: StreamSender } {
    this.#lastId += 1
    const id = this.#lastId.toString(36)
    const sender = new StreamSender({
      connection: this.#connection,
      replySubject: call.replySubject,
      controlPrefix: `${this.controlPrefix}${id}.`,
      limits,
      header: call.context.responseHeader,
      onGone: (reason) => call.abort(reason),
    })
    this.#streams.set(id, { sender, call })
    return { id, sender }
  }

  close(id: string): void {
    this.#streams.delete(id)
  }

  onControl(message: Msg): void {
    const [id = '', frame] = message.subject.slice(this.controlPrefix.length).split('.')
    const stream = this.#streams.get(id)
    if (stream !== undefined) stream.sender.onControl(message, Number(frame))
    else if (message.reply !== undefined && message.reply !== '' && message.string() !== cancelCommand) {
      const error = new QError('unavailable', 'stream broken: the server gave it up')
      sendError(this.#connection, message.reply, toConnectError(error))
    }
  }

  /** Aborts all streams: frames may have been lost. */
  abortAll(reason: string): void {
    for (const { call } of this.#streams.values()) call.abort(new QError('canceled', reason))
  }

  /** Ends all streams with an error. */
  endAll(error: QError): void {
    for (const { call } of this.#streams.values()) call.abort(error)
  }
}
