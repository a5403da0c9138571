import { endStreamToJson } from '@connectrpc/connect/protocol-connect'
import type { ConnectError } from '@connectrpc/connect'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { toConnectError } from './connect-error.ts'
import { assertFits, maxPayloadBytes } from './payload-limit.ts'
import { cancelCommand } from './reply-inbox.ts'
import { encodeFrame, envelopeHeaderBytes, silentHeartbeats, type StreamLimits } from './stream-frame.ts'
import { tryPublish } from './try-publish.ts'
import { WireHeaders } from './wire-headers.ts'

export interface SenderOptions {
  connection: NatsConnection
  /** Where frames go. */
  replySubject: string
  /** Where the caller answers to, with the number of a frame appended. */
  controlPrefix: string
  limits: StreamLimits
  /** Sent with the first frame. */
  header: Headers
  /** The caller canceled, or is not there any more. */
  onGone: (reason: QError) => void
}

/** Messages that are ready together travel together, up to this size: beyond it there is nothing to save. */
const batchBytes = 32_768

interface SentFrame {
  sequence: number
  messages: number
  bytes: number
}

/** The writing end of a stream. What it holds is one batch; what is on its way is bounded by the caller's window. */
export class StreamSender {
  readonly #options: SenderOptions
  readonly #unacknowledged: SentFrame[] = []
  readonly #heartbeat: NodeJS.Timeout
  #batch: Uint8Array[] = []
  #batchBytes = 0
  #willFlush = false
  #header: WireHeaders | undefined
  #sequence = 0
  #windowMessages = 0
  #windowBytes = 0
  #room: PromiseWithResolvers<void> | undefined
  #heardAt = performance.now()
  #tickedAt = this.#heardAt
  #closed = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#heartbeat = setInterval(this.#onHeartbeat, options.limits.heartbeatMs)
    // The first heartbeat tells the caller that the call was taken, and where to answer to.
    this.#publish(new Uint8Array(), undefined)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Sends a message soon. Throws `payload_too_large`. */
  send(payload: Uint8Array): void {
    if (this.#closed) return
    const size = envelopeHeaderBytes + payload.length
    if (this.#batchBytes > 0 && this.#batchBytes + size > this.#mostBatchBytes) this.#flushBatch()
    assertFits(this.#options.connection, this.#firstHeaderBytes, size)
    this.#batch.push(payload)
    this.#batchBytes += size
    if (this.#batchBytes >= this.#mostBatchBytes) this.#flushBatch()
    else this.#flushSoon()
  }

  /** When all that is ready now was sent: what came in one chunk travels in one frame, and waits for nothing else. */
  #flushSoon(): void {
    if (this.#willFlush) return
    this.#willFlush = true
    process.nextTick(() => {
      this.#willFlush = false
      if (!this.#closed) this.#flushBatch()
    })
  }

  /** Whether the window is full; then `waitForRoom` before the next message. */
  get isFull(): boolean {
    const { windowMessages, windowBytes } = this.#options.limits
    return (
      this.#windowMessages + this.#batch.length >= windowMessages || this.#windowBytes + this.#batchBytes >= windowBytes
    )
  }

  /** Resolves when the window has room again, or the stream is over. */
  async waitForRoom(): Promise<void> {
    while (this.isFull && !this.#closed) {
      this.#room ??= Promise.withResolvers()
      await this.#room.promise
    }
  }

  /** Ends the stream, after all that was sent. */
  end(error: ConnectError | undefined, trailer: Headers): void {
    if (this.#closed) return
    const endOfStream = this.#encodeEnd(error, trailer)
    if (this.#batchBytes + envelopeHeaderBytes + endOfStream.length > this.#mostBatchBytes) this.#flushBatch()
    this.#flushBatch(endOfStream)
    this.close()
  }

  /** An end that is too large to be sent becomes one that says so. */
  #encodeEnd(error: ConnectError | undefined, trailer: Headers): Uint8Array {
    const end = encodeEnd(error, trailer)
    try {
      assertFits(this.#options.connection, this.#firstHeaderBytes, envelopeHeaderBytes + end.length)
      return end
    } catch (tooLarge) {
      return encodeEnd(toConnectError(tooLarge), new Headers())
    }
  }

  /** What the header of the stream adds to the next frame. */
  get #firstHeaderBytes(): number {
    if (this.#sequence > 0) return 0
    this.#header ??= new WireHeaders([...this.#options.header])
    return this.#header.bytes.length
  }

  get #mostBatchBytes(): number {
    return Math.min(batchBytes, maxPayloadBytes(this.#options.connection) - this.#firstHeaderBytes)
  }

  /** Stops without a word. */
  close(): void {
    this.#closed = true
    this.#batch = []
    this.#batchBytes = 0
    clearInterval(this.#heartbeat)
    this.#room?.resolve()
  }

  /** A message to the control subject of this stream. */
  onControl(message: Msg, sequence: number): void {
    if (message.data.length > 0) {
      if (message.string() === cancelCommand)
        this.#options.onGone(new QError('canceled', 'the caller canceled the call'))
      return
    }
    if (message.headers?.code === 503) {
      this.#options.onGone(new QError('canceled', 'the caller is gone'))
      return
    }
    this.#heardAt = performance.now()
    this.#acknowledge(sequence)
  }

  #acknowledge(sequence: number): void {
    let acknowledged = 0
    for (const frame of this.#unacknowledged) {
      if (frame.sequence > sequence) break
      this.#windowMessages -= frame.messages
      this.#windowBytes -= frame.bytes
      acknowledged += 1
    }
    this.#unacknowledged.splice(0, acknowledged)
    if (this.#room === undefined || this.isFull) return
    this.#room.resolve()
    this.#room = undefined
  }

  readonly #flushBatch = (endOfStream?: Uint8Array): void => {
    if (this.#batch.length === 0 && endOfStream === undefined) return
    const frame = encodeFrame(this.#batch, endOfStream)
    this.#sequence += 1
    this.#unacknowledged.push({ sequence: this.#sequence, messages: this.#batch.length, bytes: frame.length })
    this.#windowMessages += this.#batch.length
    this.#windowBytes += frame.length
    this.#batch = []
    this.#batchBytes = 0
    this.#publish(frame, this.#sequence === 1 ? this.#header : undefined)
  }

  #publish(frame: Uint8Array, headers: WireHeaders | undefined): void {
    const { connection, replySubject, controlPrefix } = this.#options
    const reply = `${controlPrefix}${this.#sequence}`
    tryPublish(
      connection,
      replySubject,
      frame,
      headers === undefined ? { reply } : { reply, headers: headers.forNats() },
    )
  }

  readonly #onHeartbeat = (): void => {
    const { heartbeatMs } = this.#options.limits
    const now = performance.now()
    // After a pause of this process, what arrived meanwhile is still to be read.
    const wasPaused = now - this.#tickedAt > 2 * heartbeatMs
    this.#tickedAt = now
    if (!wasPaused && now - this.#heardAt > silentHeartbeats * heartbeatMs) {
      this.#options.onGone(new QError('canceled', 'the caller is silent'))
    } else {
      this.#publish(new Uint8Array(), undefined)
    }
  }
}

function encodeEnd(error: ConnectError | undefined, trailer: Headers): Uint8Array {
  return Buffer.from(JSON.stringify(endStreamToJson(trailer, error, undefined)))
}
