import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import {
  createContextValues,
  type ContextValues,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect'
import { applyInterceptors } from './apply-interceptors.ts'
import type { NatsConnection } from '@nats-io/transport-node'
import { methodSubject } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { readError } from './call-nats.ts'
import { toConnectError } from './connect-error.ts'
import { normalized, onlyMessage } from './invoke-stream.ts'
import { binaryCodec, codecOf, jsonCodec, type MessageCodec } from './message-codec.ts'
import { RequestHeaders, type HeaderInit } from './request-headers.ts'
import { defaultStreamLimits, type StreamLimits } from './stream-frame.ts'
import { StreamReceiver } from './stream-receiver.ts'
import { callUnary } from './unary-call.ts'
import { UnaryAnswer } from './unary-answer.ts'

export interface NatsTransportOptions {
  connection: NatsConnection
  store: string
  /** True, the default: messages travel as protobuf. False: as JSON. */
  binary?: boolean
  /** The deadline of a unary call that names none. A stream that names none has none. */
  defaultTimeoutMs?: number
  interceptors?: Interceptor[]
  /** The window and the heartbeat of streams. */
  streamLimits?: Partial<StreamLimits>
}

/** How long a unary call may take that says nothing else. */
const standardTimeoutMs = 10_000

/** What `Connect-Timeout-Ms` can say: ten digits. */
const longestTimeoutMs = 9_999_999_999

/** What a call is made of, besides its method and its message. */
interface CallSettings {
  signal: AbortSignal | undefined
  timeoutMs: number | undefined
  /** When the call began, on the monotonic clock: what interceptors do is part of its time. */
  startedAtMs: number
}

/**
 * Calls services over NATS. All errors are ConnectErrors, as of every transport; `fromConnectError` has the code:
 * `no_responders`, `deadline_exceeded`, `canceled`, `payload_too_large`, `unavailable`, `outcome_unknown`, and those of
 * the service. Only unary and server-streaming methods can be called.
 */
export function createNatsTransport(options: NatsTransportOptions): Transport {
  return new NatsTransport(options)
}

class NatsTransport implements Transport {
  readonly #connection: NatsConnection
  readonly #store: string
  readonly #codec: MessageCodec
  readonly #defaultTimeoutMs: number
  readonly #interceptors: Interceptor[]
  readonly #streamLimits: StreamLimits
  readonly #requestHeaders: RequestHeaders
  readonly #subjects = new Map<DescMethod, string>()

  constructor(options: NatsTransportOptions) {
    this.#connection = options.connection
    this.#store = options.store
    this.#codec = (options.binary ?? true) ? binaryCodec : jsonCodec
    this.#defaultTimeoutMs = options.defaultTimeoutMs ?? standardTimeoutMs
    this.#interceptors = options.interceptors ?? []
    this.#streamLimits = { ...defaultStreamLimits, ...options.streamLimits }
    this.#requestHeaders = new RequestHeaders(this.#codec.contentType)
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeaderInit,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const settings = { signal, timeoutMs: timeoutMs ?? this.#defaultTimeoutMs, startedAtMs: performance.now() }
    const message = create(method.input, input)
    try {
      if (this.#interceptors.length === 0) {
        return await this.#callUnary(method, message, header, settings)
      }
      const send = async (request: UnaryRequest<I, O>): Promise<UnaryResponse<I, O>> => {
        const call = { ...settings, signal: request.signal }
        return (await this.#callUnary(request.method, request.message, request.header, call)).toPlain()
      }
      const request = {
        ...this.#request(method, header, settings, contextValues),
        stream: false as const,
        method,
        message,
      }
      return await applyInterceptors(send, this.#interceptors)(request)
    } catch (error) {
      throw toConnectError(error)
    }
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeaderInit,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    const settings = { signal, timeoutMs, startedAtMs: performance.now() }
    try {
      if (method.methodKind !== 'server_streaming') {
        throw new QError('unknown_method', `${method.name} is ${method.methodKind}, which NATS does not carry`)
      }
      const send = (request: StreamRequest<I, O>): Promise<StreamResponse<I, O>> =>
        this.#openStream(request, { ...settings, signal: request.signal })
      const message = normalized(method.input, input)
      const request = {
        ...this.#request(method, header, settings, contextValues),
        stream: true as const,
        method,
        message,
      }
      return await applyInterceptors(send, this.#interceptors)(request)
    } catch (error) {
      throw toConnectError(error)
    }
  }

  async #callUnary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageShape<I>,
    header: HeaderInit,
    settings: CallSettings & { timeoutMs: number },
  ): Promise<UnaryAnswer<I, O>> {
    const timeoutMs = remainingMs(settings.timeoutMs, settings.startedAtMs)
    const { headers: received, body } = await callUnary({
      connection: this.#connection,
      subject: this.#subjectOf(method),
      body: this.#codec.encode(method.input, message),
      headers: this.#requestHeaders.encodeUnary(header, timeoutMs),
      timeoutMs,
      signal: settings.signal,
      isRead: method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
    })
    const error = readError(received, body)
    if (error !== undefined) throw error
    const contentType = received.get('content-type')
    const codec = contentType === undefined ? this.#codec : codecOf(contentType)
    return new UnaryAnswer(method, codec.decode(method.output, body), received)
  }

  async #openStream<I extends DescMessage, O extends DescMessage>(
    request: StreamRequest<I, O>,
    settings: CallSettings,
  ): Promise<StreamResponse<I, O>> {
    const { method } = request
    const timeoutMs =
      settings.timeoutMs === undefined ? undefined : remainingMs(settings.timeoutMs, settings.startedAtMs)
    const receiver = new StreamReceiver({
      connection: this.#connection,
      subject: this.#subjectOf(method),
      body: this.#codec.encode(method.input, await onlyMessage(request.message)),
      headers: this.#requestHeaders.encode(request.header, timeoutMs, this.#streamLimits),
      limits: this.#streamLimits,
      timeoutMs,
      signal: settings.signal,
      decode: (payload) => this.#codec.decode(method.output, payload),
    })
    await receiver.open()
    const { header, trailer } = receiver
    return { stream: true, service: method.parent, method, header, trailer, message: receiver }
  }

  #request(
    method: DescMethod,
    header: HeaderInit,
    settings: CallSettings,
    contextValues: ContextValues | undefined,
  ): Omit<UnaryRequest, 'stream' | 'method' | 'message'> {
    return {
      service: method.parent,
      requestMethod: 'POST',
      url: `nats:${this.#subjectOf(method)}`,
      signal: settings.signal ?? new AbortController().signal,
      header: new Headers(header),
      contextValues: contextValues ?? createContextValues(),
    }
  }

  #subjectOf(method: DescMethod): string {
    let subject = this.#subjects.get(method)
    if (subject === undefined) {
      subject = methodSubject(this.#store, method)
      this.#subjects.set(method, subject)
    }
    return subject
  }
}

function remainingMs(timeoutMs: number, startedAtMs: number): number {
  return Math.min(Math.ceil(timeoutMs - (performance.now() - startedAtMs)), longestTimeoutMs)
}
