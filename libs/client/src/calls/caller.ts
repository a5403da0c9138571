import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import type { Transport } from '@connectrpc/connect'
import { QError } from '@qcore/errors'
import { canceled } from './backoff.ts'
import { callError } from './call-error.ts'
import { isRepeatable } from './repeatable.ts'
import { retrying } from './retry.ts'
import { TokenSource, type TokenInput } from './token-source.ts'

export interface CallOptions {
  /** Ends the call: it rejects with `canceled`. */
  signal?: AbortSignal
  /** How long the call may take with all its retries, in milliseconds; default 10,000, or what `connect` was told. */
  timeoutMs?: number
}

export interface CallerOptions {
  transport: Transport
  /** The same, with streams of which one message at a time is on its way; default: the same. */
  oneByOne?: Transport
  token: TokenInput | undefined
  /** The deadline of calls that name none, in milliseconds. */
  timeoutMs: number
}

/** Makes the calls of a client: with its token, its deadlines, its retries, and until it is closed. */
export class Caller {
  readonly timeoutMs: number
  readonly #transport: Transport
  readonly #oneByOne: Transport
  readonly #token: TokenSource
  readonly #closing = new AbortController()

  constructor({ transport, oneByOne = transport, token, timeoutMs }: CallerOptions) {
    this.#transport = transport
    this.#oneByOne = oneByOne
    this.#token = new TokenSource(token)
    this.timeoutMs = timeoutMs
  }

  /** Aborted when the client is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  close(): void {
    this.#closing.abort(new QError('canceled', 'the client was closed'))
  }

  /** Calls a unary method, again and again if need be; what is not repeatable only until it may have been carried out. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    const message = create(method.input, input)
    const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
    return this.retry((timeoutMs, signal) => this.attempt(method, message, { timeoutMs, signal }), {
      deadlineAt: performance.now() + (options.timeoutMs ?? this.timeoutMs),
      signal: this.signalOf(options.signal),
      isRead,
      isRepeatable: isRepeatable(method, message),
    })
  }

  /** Repeats an attempt as `retrying` says. */
  retry<T>(
    attempt: (timeoutMs: number, signal: AbortSignal) => Promise<T>,
    options: { deadlineAt: number; signal: AbortSignal; isRead: boolean; isRepeatable: boolean },
  ): Promise<T> {
    const { signal } = options
    return retrying((timeoutMs) => attempt(timeoutMs, signal), { ...options, renewToken: () => this.renewToken() })
  }

  /** Calls a unary method once. Throws a QError. */
  async attempt<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageShape<I>,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<MessageShape<O>> {
    if (signal.aborted) throw canceled(signal)
    const headers = this.#token.headers()
    const pairs = headers instanceof Promise ? await headers : headers
    try {
      return (await this.#transport.unary(method, signal, timeoutMs, pairs, message)).message
    } catch (error) {
      throw callError(error, method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS)
    }
  }

  /** Opens a stream once. Throws a QError, and so does the stream. `oneByOne`: one message at a time is on its way. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    input: MessageInitShape<I>,
    signal: AbortSignal,
    { oneByOne = false }: { oneByOne?: boolean } = {},
  ): AsyncGenerator<MessageShape<O>, void> {
    const pairs = await this.#token.headers()
    const transport = oneByOne ? this.#oneByOne : this.#transport
    try {
      const response = await transport.stream(method, signal, undefined, pairs, once(input))
      yield* response.message
    } catch (error) {
      throw signal.aborted ? canceled(signal) : callError(error, true)
    }
  }

  /** Forgets the token; false if there is no way to get another. */
  renewToken(): boolean {
    return this.#token.renew()
  }

  /** A signal that ends with the caller's, or with the client. */
  signalOf(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.closed : AbortSignal.any([this.closed, signal])
  }
}

async function* once<T>(message: T): AsyncGenerator<T> {
  yield message
}
