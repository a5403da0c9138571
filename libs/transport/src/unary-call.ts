import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { addDeadline, removeDeadline, type Deadline } from './deadlines.ts'
import { assertFits } from './payload-limit.ts'
import { ReceivedHeaders } from './received-headers.ts'
import { ReplyInbox, type ReplyReceiver } from './reply-inbox.ts'
import { tryPublish } from './try-publish.ts'
import type { WireHeaders } from './wire-headers.ts'

export interface UnaryRequestMessage {
  connection: NatsConnection
  subject: string
  body: Uint8Array
  headers: WireHeaders
  timeoutMs: number
  signal: AbortSignal | undefined
  /** Whether the call changes nothing, so that a lost answer leaves nothing in doubt. */
  isRead: boolean
}

export interface UnaryAnswerMessage {
  headers: ReceivedHeaders
  body: Uint8Array
}

/**
 * Sends a request and waits for its one answer. Throws `no_responders`, `deadline_exceeded`, `canceled`,
 * `payload_too_large`, `unavailable` (nothing was done) and `outcome_unknown` (the connection broke meanwhile).
 */
export function callUnary(request: UnaryRequestMessage): Promise<UnaryAnswerMessage> {
  // What the executor throws rejects the promise.
  return new Promise((resolve, reject) => new PendingCall(request, resolve, reject).send())
}

/** The subject that tells the servers of a method to stop a call; the body is the subject the call is answered to. */
export function cancelSubject(subject: string): string {
  return `${subject}.cancel`
}

class PendingCall implements ReplyReceiver, Deadline {
  readonly #request: UnaryRequestMessage
  readonly #inbox: ReplyInbox
  readonly #resolve: (answer: UnaryAnswerMessage) => void
  readonly #reject: (error: QError) => void
  readonly dueAtMs: number
  #replySubject = ''
  #onAbort: (() => void) | undefined

  constructor(
    request: UnaryRequestMessage,
    resolve: (answer: UnaryAnswerMessage) => void,
    reject: (error: QError) => void,
  ) {
    this.#request = request
    this.dueAtMs = performance.now() + request.timeoutMs
    this.#inbox = ReplyInbox.of(request.connection)
    this.#resolve = resolve
    this.#reject = reject
  }

  send(): void {
    const { connection, subject, body, headers, timeoutMs, signal } = this.#request
    if (signal?.aborted === true) throw new QError('canceled', 'the call was canceled', { cause: signal.reason })
    if (timeoutMs <= 0) throw new QError('deadline_exceeded', `no time was left to call ${subject}`)
    assertFits(connection, headers.bytes.length, body.length)
    this.#replySubject = this.#inbox.open(this)
    this.#inbox.request(subject, body, { reply: this.#replySubject, headers: headers.forNats() })
    addDeadline(this)
    if (signal === undefined) return
    this.#onAbort = () => this.#cancel()
    signal.addEventListener('abort', this.#onAbort)
  }

  onMessage(message: Msg): void {
    this.#settle()
    // NATS itself answers so when nobody is subscribed.
    const body = message.data
    if (body.length === 0 && message.headers?.code === 503) {
      this.#reject(new QError('no_responders', `nobody serves ${this.#request.subject}`))
    } else {
      this.#resolve({ headers: ReceivedHeaders.read(message, body), body })
    }
  }

  onConnectionLost(reason: string): void {
    this.#settle()
    const { isRead, subject } = this.#request
    this.#reject(
      isRead
        ? new QError('unavailable', `no answer from ${subject}: ${reason}`)
        : new QError('outcome_unknown', `no answer from ${subject}, which may have been carried out: ${reason}`),
    )
  }

  onDue(): void {
    this.#settle()
    const { subject, timeoutMs } = this.#request
    this.#reject(new QError('deadline_exceeded', `no answer from ${subject} in ${timeoutMs} ms`))
  }

  #cancel(): void {
    this.#settle()
    const { connection, subject, signal } = this.#request
    this.#reject(new QError('canceled', 'the call was canceled', { cause: signal?.reason }))
    // A courtesy: the answer is dropped whether the server hears of it or not.
    tryPublish(connection, cancelSubject(subject), this.#replySubject)
  }

  #settle(): void {
    removeDeadline(this)
    if (this.#onAbort !== undefined) this.#request.signal?.removeEventListener('abort', this.#onAbort)
    this.#inbox.close(this.#replySubject)
  }
}
