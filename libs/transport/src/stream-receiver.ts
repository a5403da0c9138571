import { endStreamFromJson } from '@connectrpc/connect/protocol-connect'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { readError } from './call-nats.ts'
import { toConnectError } from './connect-error.ts'
import { addDeadline, removeDeadline, type Deadline } from './deadlines.ts'
import { assertFits } from './payload-limit.ts'
import { ReceivedHeaders } from './received-headers.ts'
import { cancelCommand, ReplyInbox, type ReplyReceiver } from './reply-inbox.ts'
import { decodeFrame, silentHeartbeats, type StreamLimits } from './stream-frame.ts'
import { tryPublish } from './try-publish.ts'
import type { WireHeaders } from './wire-headers.ts'

export interface StreamCall<T> {
  connection: NatsConnection
  subject: string
  body: Uint8Array
  headers: WireHeaders
  limits: StreamLimits
  timeoutMs: number | undefined
  signal: AbortSignal | undefined
  decode: (payload: Uint8Array) => T
}

interface Received {
  payload: Uint8Array
  /** Of the last payload of a frame: the frame's number and size, to be acknowledged when it is read. */
  frame: { sequence: number; bytes: number } | undefined
}

type Waiter<T> = PromiseWithResolvers<IteratorResult<T, undefined>>

/** Acknowledge when so much of the window is read: often enough never to stop the server, and no more. */
const acknowledgedShare = 4

/**
 * The reading end of a stream. Holds at most a window of unread messages. Fails with `unavailable` as soon as a frame is
 * missing, the connection breaks, or the server is silent for three heartbeats.
 */
export class StreamReceiver<T> implements ReplyReceiver, Deadline, AsyncIterableIterator<T, undefined> {
  readonly header = new Headers()
  readonly trailer = new Headers()
  readonly dueAtMs: number
  readonly #call: StreamCall<T>
  readonly #inbox: ReplyInbox
  readonly #opened = Promise.withResolvers<void>()
  readonly #unread: Received[] = []
  readonly #waiters: Waiter<T>[] = []
  #replySubject = ''
  #controlPrefix = ''
  #lastSequence = 0
  #readSequence = 0
  #readMessages = 0
  #readBytes = 0
  #heardAt = 0
  #tickedAt = 0
  #ended = false
  #error: unknown
  #heartbeat: NodeJS.Timeout | undefined

  constructor(call: StreamCall<T>) {
    this.#call = call
    this.#inbox = ReplyInbox.of(call.connection)
    this.dueAtMs = performance.now() + (call.timeoutMs ?? Number.POSITIVE_INFINITY)
  }

  /** Sends the request; resolves when the header is there. */
  open(): Promise<void> {
    const { connection, subject, body, headers, limits, timeoutMs, signal } = this.#call
    if (signal?.aborted === true) throw new QError('canceled', 'the call was canceled', { cause: signal.reason })
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      throw new QError('deadline_exceeded', `no time was left to call ${subject}`)
    }
    assertFits(connection, headers.bytes.length, body.length)
    this.#replySubject = this.#inbox.open(this)
    this.#heardAt = this.#tickedAt = performance.now()
    this.#inbox.request(subject, body, { reply: this.#replySubject, headers: headers.forNats() })
    signal?.addEventListener('abort', this.#onAbort)
    this.#heartbeat = setInterval(this.#onHeartbeat, limits.heartbeatMs)
    if (timeoutMs !== undefined) addDeadline(this)
    return this.#opened.promise
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const received = this.#unread.shift()
    if (received !== undefined) return this.#read(received)
    if (this.#ended) return this.#finish()
    const waiter: Waiter<T> = Promise.withResolvers()
    this.#waiters.push(waiter)
    return waiter.promise
  }

  /** Ends the call: the handler is stopped. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#cancel(undefined)
    return Promise.resolve({ done: true, value: undefined })
  }

  onMessage(message: Msg): void {
    this.#heardAt = performance.now()
    try {
      const { reply } = message
      if (reply === undefined || reply === '') this.#end(this.#refusal(message))
      else this.#onFrame(message, reply)
    } catch (error) {
      this.#sendControl(cancelCommand)
      this.#end(error)
    }
  }

  onConnectionLost(reason: string): void {
    this.#end(new QError('unavailable', `stream broken: ${reason}`))
  }

  /** An answer outside the sequence: the call was refused, is unknown to the server, or nobody is there any more. */
  #refusal(message: Msg): unknown {
    const { subject } = this.#call
    const body = message.data
    if (body.length === 0 && message.headers?.code === 503) {
      if (this.#controlPrefix === '') return new QError('no_responders', `nobody serves ${subject}`)
      return new QError('unavailable', `stream broken: the server of ${subject} is gone`)
    }
    return readError(ReceivedHeaders.read(message, body), body) ?? new QError('internal', `${subject} is not a stream`)
  }

  #onFrame(message: Msg, control: string): void {
    const lastDot = control.lastIndexOf('.') + 1
    const sequence = Number(control.slice(lastDot))
    const body = message.data
    const isHeartbeat = body.length === 0
    const expected = isHeartbeat ? this.#lastSequence : this.#lastSequence + 1
    this.#controlPrefix = control.slice(0, lastDot)
    if (sequence !== expected) {
      throw new QError('unavailable', `stream broken: got frame ${sequence} instead of ${expected}`)
    }
    if (isHeartbeat) return
    this.#lastSequence = sequence
    if (sequence === 1) {
      appendAll(this.header, ReceivedHeaders.read(message, body).answerHeaders())
    }
    this.#receive(body, sequence)
    this.#opened.resolve()
  }

  #receive(body: Uint8Array, sequence: number): void {
    // A copy: the body is a view into what the socket read, all of which would be held as long as a part of it.
    const { payloads, endOfStream } = decodeFrame(new Uint8Array(body))
    const last = payloads.length - 1
    for (const [index, payload] of payloads.entries()) {
      const frame = index === last ? { sequence, bytes: body.length } : undefined
      this.#unread.push({ payload, frame })
    }
    while (this.#waiters.length > 0) {
      const received = this.#unread.shift()
      if (received === undefined) break
      this.#waiters.shift()?.resolve(this.#read(received))
    }
    if (endOfStream === undefined) return
    const { error, metadata } = endStreamFromJson(endOfStream)
    appendAll(this.trailer, metadata)
    this.#end(error)
  }

  async #read({ payload, frame }: Received): Promise<IteratorResult<T, undefined>> {
    this.#readMessages += 1
    if (frame !== undefined) {
      this.#readSequence = frame.sequence
      this.#readBytes += frame.bytes
      const { windowMessages, windowBytes } = this.#call.limits
      const isDue =
        this.#readMessages * acknowledgedShare >= windowMessages || this.#readBytes * acknowledgedShare >= windowBytes
      if (isDue) this.#acknowledge()
    }
    try {
      return { done: false, value: this.#call.decode(payload) }
    } catch (error) {
      const undecodable = new QError('internal', `${this.#call.subject} sent what cannot be decoded`, { cause: error })
      this.#cancel(undefined)
      throw toConnectError(undecodable)
    }
  }

  #acknowledge(): void {
    this.#readMessages = 0
    this.#readBytes = 0
    this.#sendControl('')
  }

  #sendControl(command: string): void {
    if (this.#ended || this.#controlPrefix === '') return
    const options = command === '' ? { reply: this.#replySubject } : {}
    tryPublish(this.#call.connection, `${this.#controlPrefix}${this.#readSequence}`, command, options)
  }

  readonly #onHeartbeat = (): void => {
    const { heartbeatMs } = this.#call.limits
    const now = performance.now()
    // After a pause of this process, what arrived meanwhile is still to be read.
    const wasPaused = now - this.#tickedAt > 2 * heartbeatMs
    this.#tickedAt = now
    if (!wasPaused && now - this.#heardAt > silentHeartbeats * heartbeatMs) {
      this.#sendControl(cancelCommand)
      this.#end(new QError('unavailable', `stream broken: the server of ${this.#call.subject} is silent`))
    } else {
      this.#sendControl('')
    }
  }

  onDue(): void {
    const { subject, timeoutMs } = this.#call
    this.#cancel(new QError('deadline_exceeded', `the stream of ${subject} did not end in ${timeoutMs} ms`))
  }

  readonly #onAbort = (): void => {
    this.#cancel(new QError('canceled', 'the call was canceled', { cause: this.#call.signal?.reason }))
  }

  #cancel(error: QError | undefined): void {
    this.#sendControl(cancelCommand)
    this.#unread.length = 0
    this.#end(error)
    // Also if the stream has ended and was not read to its end.
    this.#error = error
  }

  #end(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#inbox.close(this.#replySubject)
    clearInterval(this.#heartbeat)
    removeDeadline(this)
    this.#call.signal?.removeEventListener('abort', this.#onAbort)
    if (error === undefined || this.#lastSequence > 0) this.#opened.resolve()
    else this.#opened.reject(error)
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(this.#finish())
  }

  async #finish(): Promise<IteratorResult<T, undefined>> {
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) throw toConnectError(error)
    return { done: true, value: undefined }
  }
}

function appendAll(to: Headers, from: Headers): void {
  for (const [name, value] of from) to.append(name, value)
}
